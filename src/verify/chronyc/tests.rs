//! Rows of chronyc 4.3, printed by `-n -c -m tracking sources sourcestats activity` on loopback.

use super::*;

const CLIENT: &str = "\
7F000001,127.0.0.1,11,1795231088.245114521,-0.000001587,-0.000012099,0.000004984,-0.066,-0.001,4.702,0.000007040,0.000012122,4.0,Normal
^,*,127.0.0.1,10,2,37,2,-0.000000105,-0.000012204,0.000003562
127.0.0.1,5,4,7,-0.001,4.603,-0.000000001,0.000002295
1,0,0,0,0
";

fn address(text: &str) -> Peer {
    Peer::Address(text.parse().unwrap())
}

#[test]
fn sorts_the_rows_of_four_commands() {
    let read = Chronyc::parse(CLIENT);
    assert_eq!(
        read,
        Chronyc {
            tracking: Some(Tracking {
                reference_id: 0x7F00_0001,
                reference: Some(address("127.0.0.1")),
                stratum: 11,
                reference_time: 1_795_231_088.245_114_6,
                correction: -0.000_001_587,
                last_offset: -0.000_012_099,
                rms_offset: 0.000_004_984,
                frequency: -0.066,
                residual_frequency: -0.001,
                skew: 4.702,
                root_delay: 0.000_007_040,
                root_dispersion: 0.000_012_122,
                update_interval: 4.0,
                leap: Leap::Normal,
            }),
            sources: vec![Source {
                mode: SourceMode::Server,
                state: SourceState::Selected,
                peer: address("127.0.0.1"),
                stratum: 10,
                poll: 2,
                reach: 0o37,
                last_sample: Some(2),
                offset: -0.000_000_105,
                measured: -0.000_012_204,
                error: 0.000_003_562,
            }],
            sourcestats: vec![Sourcestats {
                peer: address("127.0.0.1"),
                samples: 5,
                runs: 4,
                span: 7,
                frequency: -0.001,
                skew: 4.603,
                offset: -0.000_000_001,
                deviation: 0.000_002_295,
            }],
            activity: Some(Activity {
                online: 1,
                offline: 0,
                burst_online: 0,
                burst_offline: 0,
                unresolved: 0,
            }),
            refusal: None,
            unreadable: vec![],
        }
    );
}

#[test]
fn trailing_columns_are_passed_over_and_missing_ones_are_kept_as_unreadable() {
    let rows: Vec<&str> = CLIENT.lines().collect();
    let longer: String = rows.iter().map(|row| format!("{row},1,later\n")).collect();
    assert_eq!(Chronyc::parse(&longer), Chronyc::parse(CLIENT));
    for row in rows {
        let (shorter, _) = row.rsplit_once(',').unwrap();
        let wanted = Chronyc { unreadable: vec![shorter.to_owned()], ..Chronyc::default() };
        assert_eq!(Chronyc::parse(shorter), wanted);
    }
}

#[test]
fn a_source_that_never_answered_has_no_last_sample() {
    let read = Chronyc::parse("^,?,fd00::1,0,-2,0,4294967295,0.0,0.0,0.0");
    let source = &read.sources[0];
    assert_eq!(
        (source.last_sample, source.reach, source.poll, &source.peer),
        (None, 0, -2, &address("fd00::1"))
    );
}

#[test]
fn every_letter_of_a_source_has_its_meaning() {
    for (letter, state) in [
        ("*", SourceState::Selected),
        ("+", SourceState::Combined),
        ("-", SourceState::NotCombined),
        ("?", SourceState::Unusable),
        ("x", SourceState::Falseticker),
        ("~", SourceState::TooVariable),
        ("!", SourceState::Unknown),
    ] {
        let read = Chronyc::parse(&format!("=,{letter},10.0.0.1,0,6,377,4,0.0,0.0,0.0"));
        assert_eq!((read.sources[0].mode, read.sources[0].state), (SourceMode::Peer, state));
    }
}

#[test]
fn refusals_are_told_apart() {
    for (text, refusal) in [
        ("506 Cannot talk to daemon\n506 Cannot talk to daemon\n", Refusal::NoDaemon),
        ("Could not open connection to daemon\n", Refusal::NoDaemon),
        ("501 Not authorised\n", Refusal::NotAuthorised),
        ("510 No command access from this host\n", Refusal::NotAuthorised),
        ("sh: 1: chronyc: not found\n", Refusal::Missing),
        ("bash: line 1: chronyc: command not found\n", Refusal::Missing),
        ("517 Protocol version mismatch\n", Refusal::Other(517)),
    ] {
        let wanted = Chronyc { refusal: Some(refusal), ..Chronyc::default() };
        assert_eq!(Chronyc::parse(text), wanted, "{text}");
    }
}

#[test]
fn only_a_synchronised_row_follows_anything() {
    let row = |id: &str, name: &str, stratum: u8, leap: &str| {
        let text = format!("{id},{name},{stratum},0,0,0,0,0,0,0,0.5,0.25,0,{leap}");
        Chronyc::parse(&text).tracking.unwrap()
    };
    let good = row("0A000001", "10.0.0.1", 11, "Normal");
    assert_eq!(good.follows(), Some(&address("10.0.0.1")));
    assert!((good.bound() - 0.5).abs() < 1e-12);
    let local = row("7F7F0101", "", 10, "Normal");
    assert!(local.is_local() && local.follows().is_none());
    for none in [
        row("00000000", "", 0, "Not synchronised"),
        row("0A000001", "10.0.0.1", 11, "Not synchronised"),
        row("0A000001", "10.0.0.1", 0, "Normal"),
        row("0A000001", "10.0.0.1", 16, "Normal"),
        row("7F7F0101", "", 10, "Not synchronised"),
    ] {
        assert!(none.follows().is_none() && !none.is_local(), "{none:?}");
    }
}

#[test]
fn unreadable_lines_are_few_and_short() {
    let read = Chronyc::parse(&format!("{}\n", "\u{1b}x".repeat(1000)).repeat(1000));
    assert_eq!(read.unreadable.len(), KEPT_LINES);
    assert_eq!(read.unreadable[0].chars().count(), KEPT_CHARACTERS);
    assert!(!read.unreadable[0].contains('\u{1b}'));
}
