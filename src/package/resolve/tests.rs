use super::super::{Architecture, Format, Installed, Package, deb, rpm};
use super::resolve;

/// Packages of Debian, a line each: `a 1; Depends: b (>= 2); Provides: c`.
fn debs(lines: &str) -> Vec<Package> {
    let stanza = |line: &str| {
        let (package, fields) = line.split_once(';').unwrap_or((line, ""));
        let (name, version) = package.trim().split_once(' ').unwrap();
        let fields = fields.replace(';', "\n");
        let fields: Vec<&str> = fields.lines().map(str::trim).filter(|f| !f.is_empty()).collect();
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nFilename: pool/{name}_{version}.deb\n\
             Size: 1\nSHA256: {:064}\n{}\n\n",
            0,
            fields.join("\n"),
        )
    };
    let list: String = lines.lines().filter(|line| !line.trim().is_empty()).map(stanza).collect();
    deb::read_packages(list.as_bytes(), Architecture::Amd64).unwrap()
}

/// Packages of RPM, a line each: `a 1-1; requires: b >= 2, (c if d); provides: e = 3`.
fn rpms(lines: &str) -> Vec<Package> {
    let package = |line: &str| {
        let mut parts = line.split(';').map(str::trim);
        let (name, version) = parts.next().unwrap().split_once(' ').unwrap();
        let mut package = Package {
            name: name.to_owned(),
            version: version.to_owned(),
            format: Format::Rpm,
            ..Package::default()
        };
        for part in parts {
            let (kind, list) = part.split_once(':').unwrap();
            for text in list.split(',').map(str::trim) {
                let words: Vec<&str> = text.split(' ').collect();
                let word = |place| words.get(place).copied().unwrap_or_default();
                let relation = if text.starts_with('(') {
                    rpm::relation(text, "", "")
                } else {
                    rpm::relation(word(0), word(1), word(2))
                };
                match kind {
                    "requires" => package.needs.push(vec![relation]),
                    "conflicts" => package.conflicts.push(relation),
                    "obsoletes" => package.obsoletes.push(relation),
                    _ => package.gives.push(rpm::given(word(0), word(1), word(2))),
                }
            }
        }
        package
    };
    lines.lines().filter(|line| !line.trim().is_empty()).map(package).collect()
}

/// What is installed: `a 1 (gives, these = 2)`.
fn host(packages: &[Package]) -> Vec<Installed> {
    let installed = |package: &Package| Installed {
        name: package.name.clone(),
        version: package.version.clone(),
        gives: package.gives.clone(),
    };
    packages.iter().map(installed).collect()
}

/// What is brought for the wanted names, or why nothing is.
fn answer(wanted: &str, offered: &[Package], installed: &[Installed]) -> String {
    let wanted: Vec<String> = wanted.split(' ').map(str::to_owned).collect();
    let say = |packages: Result<Vec<&Package>, _>| match packages {
        Ok(packages) => packages.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Err(unmet) => format!("{unmet}"),
    };
    let found = say(resolve(&wanted, offered, installed));
    let backwards: Vec<Package> = offered.iter().rev().cloned().collect();
    assert_eq!(found, say(resolve(&wanted, &backwards, installed)), "the order must not matter");
    found
}

/// Each case: what it is about, what is offered, what is installed, what is wanted, the answer.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str);

const DEB: &[Case] = &[
    ("needs of needs", "a 1; Depends: b\nb 1; Depends: c\nc 1\nd 1", "", "a", "a 1, b 1, c 1"),
    ("pre-depends", "a 1; Pre-Depends: b\nb 1", "", "a", "a 1, b 1"),
    ("what is there stays", "a 1; Depends: b\nb 2", "b 1", "a", "a 1"),
    ("what is wanted may be there", "a 2; Depends: b\nb 2", "a 1", "a", ""),
    ("what is too old is renewed", "a 1; Depends: b (>= 2)\nb 2", "b 1", "a", "a 1, b 2"),
    ("the newest version", "a 1\na 1.10\na 1.9", "", "a", "a 1.10"),
    ("the newest that will do", "a 1; Depends: b (<< 3)\nb 3\nb 2\nb 1", "", "a", "a 1, b 2"),
    (
        "an older version of the package itself, where the newest cannot be",
        "a 2; Depends: none\na 1",
        "",
        "a",
        "a 1",
    ),
    (
        "never back to an older version",
        "a 1; Depends: b (<< 3)\nb 2",
        "b 3",
        "a",
        "a 1 needs b (<< 3): b 3 is installed and 2 is offered, one before 3 is needed",
    ),
    ("the first alternative", "a 1; Depends: b | c\nb 1\nc 1", "", "a", "a 1, b 1"),
    ("an alternative that is there", "a 1; Depends: b | c\nb 1\nc 1", "c 1", "a", "a 1"),
    (
        "an alternative that comes anyway",
        "a 1; Depends: b | c, d\nb 1\nc 1\nd 1; Depends: c",
        "",
        "a",
        "a 1, c 1, d 1",
    ),
    (
        "the first alternative that can be met",
        "a 1; Depends: b | c\nb 1; Depends: d\nd 1; Depends: none\nc 1",
        "",
        "a",
        "a 1, c 1",
    ),
    (
        "an alternative of the right version",
        "a 1; Depends: b (>= 2) | c\nb 1\nc 1",
        "",
        "a",
        "a 1, c 1",
    ),
    ("what a package gives", "a 1; Depends: v\nb 1; Provides: v", "", "a", "a 1, b 1"),
    ("given on the host", "a 1; Depends: v\nb 1; Provides: v", "c 1; Provides: v", "a", "a 1"),
    (
        "a package of the name before one that gives it",
        "a 1; Depends: v\nb 9; Provides: v\nv 1",
        "",
        "a",
        "a 1, v 1",
    ),
    (
        "of several that give it the more usual one",
        "a 1; Depends: v\nb 1; Provides: v\nc 1; Provides: v; Priority: important",
        "",
        "a",
        "a 1, c 1",
    ),
    (
        "given in a version",
        "a 1; Depends: v (>= 2)\nb 1; Provides: v (= 2)\nc 1; Provides: v (= 1)",
        "",
        "a",
        "a 1, b 1",
    ),
    (
        "given without a version meets no bound",
        "a 1; Depends: v (>= 2)\nb 1; Provides: v",
        "",
        "a",
        "a 1 needs v (>= 2): there is no v",
    ),
    ("a circle", "a 1; Depends: b\nb 1; Depends: c\nc 1; Depends: a", "", "a", "a 1, b 1, c 1"),
    (
        "architectures",
        "a 1; Depends: b:any, c:native (>= 1), d:amd64\nb 1\nc 1\nd 1",
        "",
        "a",
        "a 1, b 1, c 1, d 1",
    ),
    (
        "another architecture",
        "a 1; Depends: b:i386\nb 1",
        "",
        "a",
        "a 1 needs b:i386: there is no b:i386",
    ),
    (
        "not understood",
        "a 1; Depends: b (~ 1)\nb 1",
        "",
        "a",
        "a 1 needs b (~ 1): there is no b (~ 1)",
    ),
    (
        "signs of bounds",
        "a 1; Depends: b (= 1-1), c (<= 1), d (>> 1)\nb 1-1\nb 1-2\nc 1\nc 2\nd 1\nd 1+1",
        "",
        "a",
        "a 1, b 1-1, c 1, d 1+1",
    ),
    ("conflicts", "a 1; Depends: b | c, d\nb 1; Conflicts: d\nc 1\nd 1", "", "a", "a 1, c 1, d 1"),
    (
        "breaks an older one only",
        "a 1; Depends: b, d\nb 1; Breaks: d (<< 2)\nd 1\nd 2",
        "",
        "a",
        "a 1, b 1, d 2",
    ),
    (
        "broken by the newest version",
        "a 1; Depends: b, d\nb 1\nb 2; Breaks: d\nd 1",
        "",
        "a",
        "a 1, b 1, d 1",
    ),
    (
        "conflicts with what another gives",
        "a 1; Depends: b | c, d\nb 1; Conflicts: v\nc 1\nd 1; Provides: v",
        "",
        "a",
        "a 1, c 1, d 1",
    ),
    ("conflicts with what it gives itself", "a 1; Provides: v; Conflicts: v", "", "a", "a 1"),
    ("a rival on the host", "a 1; Conflicts: v; Provides: v", "r 1; Provides: v", "a", "a 1"),
    (
        "nothing fits together",
        "a 1; Depends: b, c\nb 1; Conflicts: c\nc 1",
        "",
        "a",
        "a 1 needs c: c 1 cannot be installed beside b 1",
    ),
    (
        "a renewal that takes away what was needed",
        "a 1; Depends: v, b (>= 2)\nb 2\nc 1; Provides: v",
        "b 1; Provides: v",
        "a",
        "a 1, b 2, c 1",
    ),
    (
        "too old on the host",
        "chrony 4.3-2; Depends: libc6 (>= 2.34)",
        "libc6 2.31",
        "chrony",
        "chrony 4.3-2 needs libc6 (>= 2.34): libc6 2.31 is installed, 2.34 or later is needed",
    ),
    (
        "too old in the list",
        "a 1; Depends: b (>= 2) | c\nb 1",
        "",
        "a",
        "a 1 needs b (>= 2) | c: b 1 is offered, 2 or later is needed; there is no c",
    ),
    (
        "far from what was wanted",
        "a 1; Depends: b\nb 1; Depends: c\nc 1; Depends: d (= 2)\nd 1",
        "",
        "a",
        "c 1 needs d (= 2): d 1 is offered, just 2 is needed",
    ),
    ("unknown", "a 1", "", "b", "b: there is no b"),
    ("several wanted", "a 1; Depends: c\nb 1; Depends: c\nc 1", "", "b a", "a 1, b 1, c 1"),
];

const RPM: &[Case] = &[
    (
        "capabilities",
        "a 1-1; requires: libx.so.1()(64bit)\nx 1-1; provides: libx.so.1()(64bit)",
        "",
        "a",
        "a 1-1, x 1-1",
    ),
    ("of rpm itself", "a 1-1; requires: rpmlib(CompressedFileNames) <= 3.0.4-1", "", "a", "a 1-1"),
    (
        "of its own configuration",
        "a 1-1; requires: config(a) = 1-1; provides: config(a) = 1-1",
        "",
        "a",
        "a 1-1",
    ),
    (
        "a file",
        "a 1-1; requires: /usr/sbin/useradd\ns 1-1; provides: /usr/sbin/useradd",
        "",
        "a",
        "a 1-1, s 1-1",
    ),
    (
        "a file on the host",
        "a 1-1; requires: /usr/sbin/useradd",
        "s 1-1; provides: /usr/sbin/useradd",
        "a",
        "a 1-1",
    ),
    (
        "without a release any will do",
        "a 1-1; requires: b = 2\nb 2-7.el9\nb 3-1",
        "",
        "a",
        "a 1-1, b 2-7.el9",
    ),
    ("epochs", "a 1-1; requires: b >= 2.0\nb 1:1.0-1", "", "a", "a 1-1, b 1:1.0-1"),
    (
        "given without a version meets any bound",
        "a 1-1; requires: v >= 2\nb 1-1; provides: v",
        "",
        "a",
        "a 1-1, b 1-1",
    ),
    (
        "several give it",
        "a 1-1; requires: v\nc 1-1; provides: v\nb 1-1; provides: v",
        "",
        "a",
        "a 1-1, b 1-1",
    ),
    ("or", "a 1-1; requires: (x or y)\ny 1-1\nz 1-1", "", "a", "a 1-1, y 1-1"),
    ("or: the first", "a 1-1; requires: (x or y)\ny 1-1\nx 1-1", "", "a", "a 1-1, x 1-1"),
    ("and", "a 1-1; requires: (x and y)\ny 1-1\nx 1-1", "", "a", "a 1-1, x 1-1, y 1-1"),
    ("if: no", "a 1-1; requires: (x if y)\ny 1-1\nx 1-1", "", "a", "a 1-1"),
    ("if: on the host", "a 1-1; requires: (x if y)\nx 1-1", "y 1-1", "a", "a 1-1, x 1-1"),
    (
        "if: it comes later",
        "a 1-1; requires: (x if y), z\nx 1-1\ny 1-1\nz 1-1; requires: y",
        "",
        "a",
        "a 1-1, x 1-1, y 1-1, z 1-1",
    ),
    (
        "if: there, but nothing gives the rest",
        "a 1-1; requires: (x if y)\nb 1-1",
        "y 1-1",
        "a",
        "a 1-1 needs (x if y): this excludes what else is needed",
    ),
    ("else: no", "a 1-1; requires: (x if y else z)\nx 1-1\nz 1-1", "", "a", "a 1-1, z 1-1"),
    ("else: yes", "a 1-1; requires: (x if y else z)\nx 1-1\nz 1-1", "y 1-1", "a", "a 1-1, x 1-1"),
    ("unless: no", "a 1-1; requires: (x unless y)\nx 1-1\ny 1-1", "", "a", "a 1-1, x 1-1"),
    (
        "unless else",
        "a 1-1; requires: (x unless y else z)\nx 1-1\nz 1-1",
        "y 1-1",
        "a",
        "a 1-1, z 1-1",
    ),
    (
        "with",
        "a 1-1; requires: (v >= 1 with v < 2)\nb 1-1; provides: v = 3\nc 1-1; provides: v = 1.5",
        "",
        "a",
        "a 1-1, c 1-1",
    ),
    (
        "without",
        "a 1-1; requires: (v without w)\nb 1-1; provides: v, w\nc 1-1; provides: v",
        "",
        "a",
        "a 1-1, c 1-1",
    ),
    (
        "groups in groups",
        "a 1-1; requires: ((x and perl(Y::Z)) or (z if (u or v)))\nz 1-1",
        "v 1-1",
        "a",
        "a 1-1, z 1-1",
    ),
    (
        "not understood",
        "a 1-1; requires: (x xor y)\nx 1-1",
        "",
        "a",
        "a 1-1 needs (x xor y): this is not understood: `xor` is not understood in it",
    ),
    (
        "cut off",
        "a 1-1; requires: (x or y\nx 1-1",
        "",
        "a",
        "a 1-1 needs (x or y: this is not understood: its `)` is missing",
    ),
    (
        "not understood, but there is another one",
        "a 2-1; requires: (x nor y)\na 1-1",
        "",
        "a",
        "a 1-1",
    ),
    (
        "conflicts",
        "a 1-1; requires: (x or y), z\nx 1-1; conflicts: z\ny 1-1\nz 1-1",
        "",
        "a",
        "a 1-1, y 1-1, z 1-1",
    ),
    (
        "a rich conflict",
        "a 1-1; requires: (x or y), z\nx 1-1; conflicts: (z unless w)\ny 1-1\nz 1-1",
        "",
        "a",
        "a 1-1, y 1-1, z 1-1",
    ),
    (
        "obsoletes go by packages' names",
        "a 1-1; requires: x, z\nx 1-1; obsoletes: v\nz 1-1; provides: v",
        "",
        "a",
        "a 1-1, x 1-1, z 1-1",
    ),
    (
        "obsoletes",
        "a 1-1; requires: (x or y), z\nx 1-1; obsoletes: z < 2\ny 1-1\nz 1-1",
        "",
        "a",
        "a 1-1, y 1-1, z 1-1",
    ),
];

#[test]
fn needs_are_met_as_the_package_managers_would() {
    let mut wrong = Vec::new();
    for (cases, read) in [(DEB, debs as fn(&str) -> Vec<Package>), (RPM, rpms)] {
        for (about, offered, installed, wanted, expected) in cases {
            let found = answer(wanted, &read(offered), &host(&read(installed)));
            if found != *expected {
                wrong.push(format!("{about}: {found}\n  instead of: {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn long_chains_and_hopeless_tangles_come_to_an_end() {
    let chain: String = (0..5_000).map(|n| format!("p{n} 1; Depends: p{}\n", n + 1)).collect();
    let chain = debs(&chain);
    let wanted = ["p0".to_owned()];
    let unmet = resolve(&wanted, &chain, &[]).unwrap_err();
    assert_eq!(unmet.to_string(), "p4999 1 needs p5000: there is no p5000");

    // Each of these excludes the others' partners: no choice works, and there are 2^40 of them.
    let mut lines = String::from("a 1; Depends: z\nz 1; Conflicts: bad\n");
    let needs: Vec<String> = (0..40).map(|n| format!("x{n} | y{n}")).collect();
    lines.push_str(&format!("w 1; Depends: {}, bad, a\nbad 1\n", needs.join(", ")));
    (0..40).for_each(|n| lines.push_str(&format!("x{n} 1\ny{n} 1\n")));
    let tangle = debs(&lines);
    let unmet = resolve(&["w".to_owned()], &tangle, &[]).unwrap_err();
    assert!(unmet.to_string().contains("cannot be installed beside"), "{unmet}");

    let deep = format!("a 1-1; requires: {}x{}", "(".repeat(5000), ")".repeat(5000));
    let unmet = resolve(&["a".to_owned()], &rpms(&deep), &[]).unwrap_err();
    assert!(unmet.reason.contains("too deep"), "{unmet}");
    let clauses: Vec<String> = (0..20).map(|n| format!("(a{n} and b{n})")).collect();
    let wide = format!("a 1-1; requires: ({})", clauses.join(" or "));
    let unmet = resolve(&["a".to_owned()], &rpms(&wide), &[]).unwrap_err();
    assert!(unmet.reason.contains("too long"), "{unmet}");
}
