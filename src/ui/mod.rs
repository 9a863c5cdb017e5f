//! stub
use crate::fleet::Event;
pub struct Settings {
    pub verbose: u8,
}
pub async fn show(
    mut told: tokio::sync::mpsc::UnboundedReceiver<Event>,
    _n: &[String],
    _s: Settings,
) {
    let t = std::time::Instant::now();
    while let Some(e) = told.recv().await {
        eprintln!(
            "{:.3} {} {}",
            t.elapsed().as_secs_f64(),
            e.host,
            match e.doing {
                crate::fleet::Doing::Done(_) => "done".to_owned(),
                d => format!("{d:?}"),
            }
        );
    }
}
