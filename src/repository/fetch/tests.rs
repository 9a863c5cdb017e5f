use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::super::proxy::Proxies;
use super::*;

/// What a server does with one request.
type Manners = dyn Fn(&mut TcpStream, &Request) + Send + Sync;

/// A request, as far as anybody looks.
#[derive(Debug, Clone, Default)]
struct Request {
    /// Its first line.
    line: String,
    /// Where the wanted part begins.
    start: Option<usize>,
    /// The value of `Proxy-Authorization`.
    proxy: Option<String>,
    /// How many came before it.
    number: usize,
}

/// A server on loopback that keeps what it was asked. Its thread ends with the test's process.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn new(manners: impl Fn(&mut TcpStream, &Request) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (manners, kept): (Arc<Manners>, _) = (Arc::new(manners), asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (manners, kept) = (manners.clone(), kept.clone());
                thread::spawn(move || answer(stream, &*manners, &kept));
            }
        });
        Self { url, asked }
    }

    fn starts(&self) -> Vec<Option<usize>> {
        self.asked.lock().unwrap().iter().map(|request| request.start).collect()
    }
}

fn answer(mut stream: TcpStream, manners: &Manners, kept: &Mutex<Vec<Request>>) {
    let mut request = Request::default();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
        let lower = line.to_ascii_lowercase();
        if request.line.is_empty() {
            request.line = line.trim().to_owned();
        } else if let Some(range) = lower.strip_prefix("range: bytes=") {
            request.start = range.trim().trim_end_matches('-').parse().ok();
        } else if lower.starts_with("proxy-authorization: ") {
            request.proxy = Some(line["proxy-authorization: ".len()..].trim().to_owned());
        }
        line.clear();
    }
    request.number = {
        let mut kept = kept.lock().unwrap();
        kept.push(request.clone());
        kept.len() - 1
    };
    manners(&mut stream, &request);
}

/// Sends `bytes` from where they are wanted, but no more than `most` of them, and hangs up.
fn send(stream: &mut TcpStream, bytes: &[u8], start: Option<usize>, most: usize) {
    let (begin, size) = (start.unwrap_or(0), bytes.len());
    let rest = &bytes[begin..];
    let head = match start {
        Some(_) => format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {begin}-{}/{size}\r\n",
            size - 1
        ),
        None => "HTTP/1.1 200 OK\r\n".to_owned(),
    };
    let head = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n", rest.len());
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&rest[..most.min(rest.len())]);
}

fn status(stream: &mut TcpStream, line: &str) {
    let head = format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
}

/// A file of 300 kB that does not repeat itself.
fn bytes() -> Vec<u8> {
    (0..300_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// A cache in a folder of its own, and what it takes to fetch.
struct Bench {
    folder: tempfile::TempDir,
    cancelled: CancellationToken,
    told: Mutex<Option<UnboundedReceiver<Event>>>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, cancelled: CancellationToken::new(), told: Mutex::default() }
    }

    fn fetcher(&self, proxies: Proxies) -> Fetcher<'_> {
        let (events, told) = unbounded_channel();
        *self.told.lock().unwrap() = Some(told);
        Fetcher {
            http: Http::new(proxies, Duration::from_millis(800)),
            cache: Cache::new(self.folder.path().to_owned()),
            events,
            cancelled: &self.cancelled,
            next: AtomicUsize::new(0),
        }
    }

    fn get(&self, server: &Server) -> Result<Vec<u8>, Error> {
        self.fetcher(Proxies::default()).get(&item(&format!("{}/file", server.url)))
    }

    fn fresh(&self, server: &Server) -> Result<Option<Vec<u8>>, Error> {
        self.fetcher(Proxies::default()).fresh(&format!("{}/file", server.url), "file")
    }

    /// What lies about of files that did not come whole.
    fn partial(&self) -> u64 {
        let files = std::fs::read_dir(self.folder.path().join("partial")).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    }
}

fn item(url: &str) -> Item {
    let sum = crate::bundle::sha256(&bytes());
    Item { url: url.to_owned(), name: "file".to_owned(), size: Some(300_000), sum }
}

#[test]
fn what_was_cut_off_is_taken_up() {
    let server = Server::new(|stream, request| send(stream, &bytes(), request.start, 200_000));
    let bench = Bench::new();
    assert_eq!(bench.get(&server).unwrap(), bytes());
    assert_eq!(server.starts(), [None, Some(200_000)]);
    assert_eq!(bench.partial(), 0);
    // A second time it is in the cache.
    assert_eq!(bench.get(&server).unwrap(), bytes());
    assert_eq!(server.starts().len(), 2);
}

#[test]
fn another_run_takes_up_what_one_has_left() {
    let server = Server::new(|stream, request| match request.number {
        0 => send(stream, &bytes(), request.start, 100_000),
        1..=4 => status(stream, "503 Service Unavailable"),
        _ => send(stream, &bytes(), request.start, 300_000),
    });
    let bench = Bench::new();
    let failed = bench.get(&server).unwrap_err().to_string();
    assert!(failed.contains("/file: the server says 503 service unavailable"), "{failed}");
    assert_eq!(bench.partial(), 100_000);
    assert_eq!(bench.get(&server).unwrap(), bytes());
    assert_eq!(server.starts().last().unwrap(), &Some(100_000));
}

#[test]
fn a_server_that_knows_no_ranges_sends_it_all() {
    let server = Server::new(|stream, request| match request.number {
        0 => send(stream, &bytes(), None, 150_000),
        _ => send(stream, &bytes(), None, 300_000),
    });
    assert_eq!(Bench::new().get(&server).unwrap(), bytes());
    assert_eq!(server.starts(), [None, Some(150_000)]);
}

#[test]
fn a_file_that_has_become_shorter_is_fetched_from_its_beginning() {
    let server = Server::new(|stream, request| match request.start {
        Some(_) => status(stream, "416 Range Not Satisfiable"),
        None if request.number == 0 => send(stream, &bytes(), None, 150_000),
        None => send(stream, &bytes(), None, 300_000),
    });
    assert_eq!(Bench::new().get(&server).unwrap(), bytes());
    assert_eq!(server.starts(), [None, Some(150_000), None]);
}

#[test]
fn the_hash_decides() {
    // Of the right length, too long, and too short without a cut.
    for wrong in [vec![7; 300_000], vec![7; 400_000], vec![7; 10]] {
        let server = Server::new(move |stream, _| send(stream, &wrong, None, wrong.len()));
        let bench = Bench::new();
        let failed = bench.get(&server).unwrap_err().to_string();
        assert!(failed.contains(&server.url), "{failed}");
        assert!(!bench.folder.path().join("files").exists());
        assert!(bench.partial() < 300_000);
    }
}

#[test]
fn garbage_that_was_left_is_fetched_anew() {
    let server = Server::new(|stream, request| send(stream, &bytes(), request.start, 300_000));
    let bench = Bench::new();
    let partial = bench.folder.path().join("partial");
    std::fs::create_dir_all(&partial).unwrap();
    std::fs::write(partial.join(item("").sum), [7; 5000]).unwrap();
    assert_eq!(bench.get(&server).unwrap(), bytes());
    assert_eq!(server.starts(), [Some(5000), None]);
    // So is a file of the cache that a disk has spoilt.
    std::fs::write(bench.folder.path().join("files").join(item("").sum), "x").unwrap();
    assert_eq!(bench.get(&server).unwrap(), bytes());
}

#[test]
fn refusals_are_told_with_the_url_and_what_to_do() {
    for (line, words) in [
        ("403 Forbidden", "403 forbidden\nhint: it wants a name and a password"),
        ("407 Proxy Authentication Required", "407 proxy authentication required\nhint: the proxy"),
        ("404 Not Found", "404 not found\nhint: the mirror lacks a file"),
    ] {
        let server = Server::new(move |stream, _| status(stream, line));
        let failed = Bench::new().get(&server).unwrap_err().to_string();
        assert!(
            failed.contains(&format!("{}/file: the server says {words}", server.url)),
            "{failed}"
        );
        assert_eq!(server.starts().len(), 1);
    }
    let gone = Server::new(|stream, _| status(stream, "404 Not Found"));
    assert_eq!(Bench::new().fresh(&gone).unwrap(), None);
    let shut = format!("http://127.0.0.1:{}", {
        // Nobody listens there any more.
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    });
    let failed = Bench::new().fresh(&Server { url: shut, asked: Arc::default() }).unwrap_err();
    assert!(failed.to_string().contains("refused"), "{failed}");
}

#[test]
fn a_silent_server_is_not_waited_for() {
    let server = Server::new(|stream, request| {
        send(stream, &bytes(), request.start, 10_000);
        // Until the other side hangs up.
        let _ = stream.read(&mut [0; 1]);
    });
    let bench = Bench::new();
    let failed = bench.fresh(&server).unwrap_err().to_string();
    assert!(failed.contains("time"), "{failed}");
    // What did come was told.
    let mut told = bench.told.lock().unwrap().take().unwrap();
    let mut events = std::iter::from_fn(|| told.try_recv().ok());
    assert!(events.any(|event| matches!(event, Event::Received { bytes: 10_000, .. })));
}

/// Each try ends after as long as a silent one, and a trickle is no reason to begin to count anew.
#[test]
fn a_server_that_trickles_is_not_waited_for() {
    let server = Server::new(|stream, request| {
        send(stream, &bytes(), request.start, 0);
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    let bench = Bench::new();
    let failed = bench.get(&server).unwrap_err().to_string();
    let words = "and less than 1 kB/s counts as silence\nhint: name another place with --mirror";
    assert!(failed.contains("/file: it sent only ") && failed.contains(words), "{failed}");
    assert_eq!(server.starts().len(), TRIES as usize);
    let mut told = bench.told.lock().unwrap().take().unwrap();
    let mut rounds = Vec::new();
    while let Ok(event) = told.try_recv() {
        if let Event::Again { host, round, .. } = event {
            assert_eq!(host, server.url);
            rounds.push(round);
        }
    }
    assert_eq!(rounds, [1, 2, 3]);
}

#[test]
fn redirects_are_followed() {
    let far = Server::new(|stream, request| send(stream, &bytes(), request.start, 300_000));
    let to = format!("302 Found\r\nLocation: {}/elsewhere", far.url);
    let near = Server::new(move |stream, _| status(stream, &to));
    assert_eq!(Bench::new().get(&near).unwrap(), bytes());
    assert!(far.asked.lock().unwrap()[0].line.starts_with("GET /elsewhere "));
}

#[test]
fn a_proxy_is_asked_as_proxies_expect_it() {
    let proxy = Server::new(|stream, request| send(stream, &bytes(), request.start, 200_000));
    let named = proxy.url.replace("http://", "http://us%40er:s3cret@");
    let bench = Bench::new();
    let proxies = Proxies::new(Some(("--proxy", &named)), |_| None).unwrap();
    let got = bench.fetcher(proxies).get(&item("http://mirror.invalid:8080/d/file")).unwrap();
    assert_eq!(got, bytes());
    let asked = proxy.asked.lock().unwrap();
    for request in asked.iter() {
        assert_eq!(request.line, "GET http://mirror.invalid:8080/d/file HTTP/1.1");
        // printf us@er:s3cret | base64
        assert_eq!(request.proxy.as_deref(), Some("Basic dXNAZXI6czNjcmV0"));
    }
    assert_eq!(asked[1].start, Some(200_000));
}

#[test]
fn nothing_is_begun_when_the_user_wants_no_more() {
    let server = Server::new(|stream, request| send(stream, &bytes(), request.start, 300_000));
    let bench = Bench::new();
    bench.cancelled.cancel();
    assert_eq!(bench.get(&server), Err(Error::Interrupted));
    assert!(server.starts().is_empty());
}

#[test]
fn results_keep_their_order_and_the_first_failure_is_told() {
    let bench = Bench::new();
    let fetcher = bench.fetcher(Proxies::default());
    let items: Vec<u32> = (0..100).collect();
    let doubled = fetcher.each(&items, |item| Ok(item * 2)).unwrap();
    assert!(doubled.iter().enumerate().all(|(number, item)| *item == number as u32 * 2));
    let failed = fetcher.each(&items, |item| match item {
        40.. => Err(Error::failed(format!("item {item}"), "")),
        _ => Ok(()),
    });
    assert!(failed.unwrap_err().to_string().contains("item 40"));
}
