//! `tstate report`: a page that needs nothing else, is well formed, says everything without its script, and is the same
//! whenever it is written. What its script does `browser` tries.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use support::Project;

/// Names and texts that HTML would take for its own.
const HOSTILE: &str = "\
/// <script>alert(1)</script> & `<b>` \"quoted\" </style>
scenario \"</title><img src=http://example.org/x onerror='alert(2)'>\"
python 3.13, 3.14
native mutex m

thread main {
    Py_InitializeEx(0)
    start worker
    lock m  // <i onclick=\"x\"> & </script>
    ts = PyEval_SaveThread()
    PyEval_RestoreThread(ts)
    assert attached(main) && !finalizing
    unlock m
    join worker
}

foreign thread worker {
    lock m
    g = PyGILState_Ensure()
    PyGILState_Release(g)
    unlock m
}
";

/// Many states, and a run that stays among them for ever.
const LARGE: &str = "\
python 3.13
native flag done

thread main {
    Py_InitializeEx(0)
    start one
    start two
    ts = PyEval_SaveThread()
    join one
    join two
    PyEval_RestoreThread(ts)
    Py_FinalizeEx() == 0
}

foreign thread one {
    g = PyGILState_Ensure()
    eval 2
    PyGILState_Release(g)
}

foreign thread two {
    g = PyGILState_Ensure()
    eval 2
    PyGILState_Release(g)
}
";

const BROKEN: &str = "thread main { Py_InitializeE(0) }\n";

fn report(name: &str, source: &str, arguments: &[&str], status: i32) -> String {
    let project = Project::new(&[(name, source)]);
    let all = [&["report", name], arguments].concat();
    project.expect(&all, status).output
}

/// The page's tags in order: the name, with `/` before it where it closes, and the attributes.
fn tags(page: &str) -> Vec<(String, String)> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        if let Some(after) = after.strip_prefix("!DOCTYPE") {
            rest = after;
            continue;
        }
        let (tag, after) = after.split_once('>').expect("a tag ends");
        let tag_name: String = tag
            .chars()
            .take_while(|letter| !letter.is_whitespace())
            .collect();
        let attributes = tag[tag_name.len()..].to_owned();
        rest = after;
        // The content of these is no HTML.
        if matches!(tag_name.as_str(), "style" | "script") {
            let end = format!("</{tag_name}>");
            rest = &after[after.find(&end).expect("its end")..];
        }
        tags.push((tag_name.trim_end_matches('/').to_owned(), attributes));
    }
    tags
}

/// The values of an attribute, wherever it stands.
fn values(tags: &[(String, String)], attribute: &str) -> Vec<String> {
    let start = format!(" {attribute}=\"");
    let found = tags
        .iter()
        .filter_map(|(_, attributes)| attributes.split_once(&start));
    found
        .map(|(_, rest)| rest.split('"').next().unwrap_or_default().to_owned())
        .collect()
}

/// Every element is closed where it must be, names are given once and all that is named is there.
fn is_well_formed(page: &str) {
    const VOID: [&str; 3] = ["meta", "br", "wbr"];
    const EMPTY: [&str; 3] = ["path", "circle", "rect"];
    let tags = tags(page);
    let mut open: Vec<&str> = Vec::new();
    for (name, attributes) in &tags {
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{page}");
            continue;
        }
        let is_closed = EMPTY.contains(&name.as_str()) && attributes.ends_with('/');
        if !is_closed && !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let ids = values(&tags, "id");
    let known: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(known.len(), ids.len(), "an id is given twice");
    for target in values(&tags, "href") {
        let target = target.strip_prefix('#').expect("a link within the page");
        assert!(known.contains(&target.to_owned()), "{target}");
    }
    for attribute in ["aria-labelledby", "aria-controls"] {
        for target in values(&tags, attribute) {
            assert!(known.contains(&target), "{target}");
        }
    }
    for attribute in ["marker-end", "marker-start"] {
        for target in values(&tags, attribute) {
            let id = target.trim_start_matches("url(#").trim_end_matches(')');
            assert!(known.contains(&id.to_owned()), "{target}");
        }
    }
}

/// Nothing in the page makes a browser ask anybody for anything.
fn is_self_contained(page: &str) {
    let tags = tags(page);
    let fetching = [
        "src",
        "srcset",
        "data",
        "poster",
        "action",
        "xlink:href",
        "ping",
        "background",
    ];
    for attribute in fetching {
        assert_eq!(
            values(&tags, attribute),
            Vec::<String>::new(),
            "{attribute}"
        );
    }
    let elements: BTreeSet<&str> = tags.iter().map(|(name, _)| name.as_str()).collect();
    for element in [
        "link", "img", "iframe", "object", "embed", "base", "form", "image", "use",
    ] {
        assert!(!elements.contains(element), "{element}");
    }
    for (from, to) in [("<style>", "</style>"), ("<script>", "</script>")] {
        let (_, inside) = page.split_once(from).expect("it is there");
        let (inside, _) = inside.split_once(to).expect("it ends");
        for word in [
            "http:",
            "https:",
            "@import",
            "url(",
            "fetch(",
            "XMLHttpRequest",
            "import(",
        ] {
            assert!(!inside.contains(word), "{word}");
        }
    }
    assert!(page.contains("content=\"default-src 'none';"));
}

#[test]
fn a_page_is_well_formed_and_needs_nothing_else() {
    for (name, source) in [("hostile.capi", HOSTILE), ("large.capi", LARGE)] {
        let page = report(name, source, &[], 0);
        is_well_formed(&page);
        is_self_contained(&page);
    }
}

#[test]
fn nothing_of_the_scenario_is_taken_for_html() {
    let page = report("hostile.capi", HOSTILE, &[], 0);
    let elements: BTreeMap<String, usize> =
        tags(&page)
            .into_iter()
            .fold(BTreeMap::new(), |mut counts, (name, _)| {
                *counts.entry(name).or_default() += 1;
                counts
            });
    for (element, count) in [("script", 1), ("style", 1), ("title", 1)] {
        // Drawings have titles too.
        assert!(elements[element] >= count && (element == "title" || elements[element] == count));
    }
    assert!(
        !elements.contains_key("img") && !elements.contains_key("b") && !elements.contains_key("i")
    );
    assert!(page.contains("<p>&lt;script&gt;alert(1)&lt;/script&gt; &amp; <code>&lt;b&gt;</code>"));
    assert!(page.contains("<title>&lt;/title&gt;&lt;img src=http://example.org/x"));
    assert!(page.contains("// &lt;i onclick=&quot;x&quot;&gt; &amp; &lt;/script&gt;"));
}

#[test]
fn the_same_page_is_written_every_time() {
    let project = Project::new(&[("a.capi", HOSTILE)]);
    let page = |jobs| project.expect(&["report", "a.capi", "-j", jobs], 0).output;
    let first = page("1");
    assert_eq!(first, page("1"));
    assert_eq!(first, page("4"));
    let written = project.expect(&["report", "a.capi", "-o", "a.html"], 0);
    assert_eq!(written.output, "");
    assert_eq!(project.read("a.html"), first);
}

#[test]
fn everything_is_said_without_a_script() {
    let page = report("hostile.capi", HOSTILE, &["--python", "3.14"], 0);
    for said in [
        "A claim fails under 3.14.",
        "deadlock(main, worker)</a>",
        "✗ without a claim only `ok` is allowed",
        "main and worker wait for each other in a cycle; none can go on.",
        "The cycle: who waits for what, and who has it.",
        "State at the end",
        ">waits for m, held by worker</span>",
        "<tr id=\"run-1-step-1\"",
        "tstate replay hostile.capi",
        "<span class=\"outcome bad\">deadlock(main, worker)</span>",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(
        !page.contains("3.13 "),
        "only the release that was asked for"
    );
    let runs = tags(&page)
        .into_iter()
        .filter(|(_, attributes)| attributes.contains("class=\"run\""));
    assert!(
        runs.into_iter()
            .all(|(_, attributes)| !attributes.contains("hidden"))
    );
}

#[test]
fn of_a_large_graph_the_neighbourhood_is_drawn_and_it_is_said() {
    let page = report("large.capi", LARGE, &[], 0);
    assert!(
        page.contains("too many to read. Drawn is the neighbourhood of this run, "),
        "{page}"
    );
    let drawn = page.matches("class=\"node").count();
    assert!((10..=300).contains(&drawn), "{drawn} nodes");
    let small = report("a.capi", HOSTILE, &["--python", "3.14"], 0);
    assert!(small.contains("The state graph with every step: "));
}

#[test]
fn a_bound_is_told_and_a_page_is_no_verdict() {
    let cut = report("large.capi", LARGE, &["--max-states", "50"], 3);
    assert!(cut.contains("A bound cut the search under 3.13."));
    assert!(cut.contains("bound reached: 50 states"));
    assert!(
        cut.contains("A bound cut the search after 50 states"),
        "{cut}"
    );
    is_well_formed(&cut);
    report(
        "large.capi",
        LARGE,
        &["--max-states", "50", "--allow-incomplete"],
        0,
    );
}

#[test]
fn what_is_no_scenario_is_refused() {
    let project = Project::new(&[("broken.capi", BROKEN), ("a.capi", LARGE)]);
    for arguments in [
        &["report", "broken.capi", "-o", "page.html"][..],
        &["report", "missing.capi"],
        &["report", "."],
        &["report", "a.capi", "broken.capi"],
        &["report", "a.capi", "--python", "3.14"],
        &["report"],
    ] {
        let answer = project.expect(arguments, 2);
        assert_eq!(answer.output, "", "{arguments:?}");
        assert_ne!(answer.remarks, "", "{arguments:?}");
    }
    assert!(!project.path("page.html").exists());
}
