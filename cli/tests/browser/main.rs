//! The page of `tstate report` in a real browser: runs are chosen by a click and stepped through by the keyboard.
//!
//! Needs Chromium and chromedriver. Where they are missing the tests are ignored and it is said, unless `TSTATE_BROWSER` is
//! `require`, as in the gate: then they fail.

mod driver;
#[path = "../support/mod.rs"]
mod support;

use driver::{Browser, Installed};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use support::Project;

/// The keys of WebDriver.
const DOWN: char = '\u{e015}';
const UP: char = '\u{e013}';
const HOME: char = '\u{e011}';
const END: char = '\u{e010}';

/// Five threads that hand four semaphores round, so that the table is broad and long.
const BROAD: &str = "\
scenario \"five threads, one after the other\"
python 3.14

native semaphore one = 0
native semaphore two = 0
native semaphore three = 0
native semaphore four = 0

thread main {
    Py_InitializeEx(0)
    start first
    start second
    start third
    start fourth
    Py_BEGIN_ALLOW_THREADS
        post one
        join first
        join second
        join third
        join fourth
    Py_END_ALLOW_THREADS
    Py_FinalizeEx() == 0
}

foreign thread first { wait one; g = PyGILState_Ensure(); eval; eval; PyGILState_Release(g); post two }
foreign thread second { wait two; g = PyGILState_Ensure(); eval; eval; PyGILState_Release(g); post three }
foreign thread third { wait three; g = PyGILState_Ensure(); eval; eval; PyGILState_Release(g); post four }
foreign thread fourth { wait four; g = PyGILState_Ensure(); eval; eval; PyGILState_Release(g) }
";

#[expect(clippy::print_stderr, reason = "that a test is ignored is to be seen")]
fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let installed = Installed::find();
    let required = env::var("TSTATE_BROWSER").is_ok_and(|value| value == "require");
    if let Err(missing) = &installed
        && !required
    {
        eprintln!(
            "{missing}: the page is not tried in a browser (Debian: apt-get install chromium chromium-driver)"
        );
    }
    let is_ignored = installed.is_err() && !required;
    let trial = Trial::test(
        "runs_are_chosen_by_a_click_and_stepped_through_by_keys",
        move || {
            let installed = installed.map_err(|missing| {
                Failed::from(format!(
                    "TSTATE_BROWSER says that it must be there, and {missing}"
                ))
            })?;
            // One browser for everything: it takes longer to start than to ask.
            let browser = Browser::start(&installed);
            steps(&browser);
            links(&browser);
            fits(&browser);
            Ok(())
        },
    );
    libtest_mimic::run(&arguments, vec![trial.with_ignored_flag(is_ignored)]).exit_code()
}

/// The page of a scenario.
fn page(project: &Project, name: &str, source: &str, python: &[&str]) -> PathBuf {
    project.write(&format!("{name}.capi"), source);
    let (file, page) = (format!("{name}.capi"), format!("{name}.html"));
    let mut arguments = vec!["report", &file, "-o", &page];
    for release in python {
        arguments.extend(["--python", release]);
    }
    project.expect(&arguments, 0);
    project.path(&page)
}

fn of_repository(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    fs::read_to_string(folder.join(name)).expect("a scenario")
}

/// What the page shows.
const SHOWN: &str = "
    const run = document.querySelector('.run:not([hidden])');
    const rows = [...run.querySelectorAll('.steps tr[id]')];
    const row = rows.find((row) => row.getAttribute('aria-selected') === 'true');
    const texts = (selector, of) => [...document.querySelectorAll(selector)].map(of);
    const facts = [...run.querySelectorAll('.fact')].filter((fact) => fact.checkVisibility());
    return {
        run: run.id,
        runs: document.querySelectorAll('.run:not([hidden])').length,
        chosen: texts('a.outcome[aria-current]', (link) => link.hash),
        rows: rows.length,
        row: rows.indexOf(row),
        selected: rows.filter((row) => row.getAttribute('aria-selected') === 'true').length,
        lines: texts('.listing li.here', (line) => line.id),
        line: 'L' + row.dataset.line,
        marks: texts('.listing .marks .name', (mark) => mark.closest('li').id.slice(1)).sort().join(),
        places: row.dataset.at.split(' ').filter(Boolean).map((at) => at.split(':')[1]).sort().join(),
        nodes: [...run.querySelectorAll('.graph .node.here')].map((node) => node.dataset.node),
        node: row.dataset.node,
        says: run.querySelector('.stepper output').textContent,
        heading: run.querySelector('.state h3').textContent,
        hash: location.hash,
        focus: document.activeElement.id,
        facts: Object.fromEntries(facts.map((fact) => [
            fact.closest('tbody').querySelector('.subject').textContent + ': ' + fact.querySelector('th').textContent,
            [fact.querySelector('.value').textContent, fact.classList.contains('changed'),
             fact.classList.contains('gone'), fact.querySelector('.was').textContent],
        ])),
        fetched: performance.getEntriesByType('resource').length,
    };";

/// What is shown once the page has followed its address to the run: the browser tells it of that in its own time.
fn arrived(browser: &Browser, run: &str) -> Value {
    for _ in 0..250 {
        if browser.ask(SHOWN)["run"] == run {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let shown = shown(browser);
    assert_eq!(shown["run"], run);
    shown
}

/// What must hold of everything shown, whichever step it is.
fn shown(browser: &Browser) -> Value {
    let shown = browser.ask(SHOWN);
    assert_eq!(shown["runs"], 1, "{shown:#}");
    assert_eq!(shown["selected"], 1, "{shown:#}");
    assert_eq!(
        shown["lines"],
        serde_json::json!([shown["line"]]),
        "{shown:#}"
    );
    assert_eq!(shown["marks"], shown["places"], "{shown:#}");
    assert_eq!(
        shown["nodes"],
        serde_json::json!([shown["node"]]),
        "{shown:#}"
    );
    let (row, rows) = (number(&shown["row"]), number(&shown["rows"]));
    assert_eq!(shown["says"], format!("step {} of {rows}", row + 1));
    assert_eq!(shown["heading"], format!("State after step {}", row + 1));
    assert_eq!(shown["fetched"], 0, "{shown:#}");
    shown
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// The facts that are there after this step, by name.
fn facts(shown: &Value) -> BTreeMap<String, String> {
    let facts = shown["facts"].as_object().expect("facts").iter();
    let there = facts.filter(|(_, fact)| fact[2] == false);
    there
        .map(|(name, fact)| (name.clone(), text(&fact[0])))
        .collect()
}

/// The marks of a step say what is different from the step before.
fn changes_are_marked(before: &BTreeMap<String, String>, shown: &Value) -> usize {
    let now = facts(shown);
    let mut changes = 0;
    for (name, fact) in shown["facts"].as_object().expect("facts") {
        let (was, is) = (before.get(name), now.get(name));
        assert_eq!(fact[1] == true, was != is, "{name} in {shown:#}");
        assert_eq!(fact[2] == true, is.is_none(), "{name} in {shown:#}");
        let says = match was {
            _ if was == is => String::new(),
            None => "new".to_owned(),
            Some(was) => format!("was {was}"),
        };
        assert_eq!(fact[3], says, "{name} in {shown:#}");
        changes += usize::from(was != is);
    }
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    assert!(
        gone.into_iter().all(|name| shown["facts"][name][2] == true),
        "{shown:#}"
    );
    changes
}

/// Chooses each run of a page with several outcomes and releases, and steps through the first and the last of them.
fn steps(browser: &Browser) {
    let source = of_repository("pending/finalize-while-handled.capi");
    let project = Project::new(&[]);
    browser.open(&page(&project, "several", &source, &["3.12", "3.13"]), "");
    let first = shown(browser);
    assert_eq!(first["row"], 0);
    assert_eq!(
        first["chosen"],
        serde_json::json!([format!("#{}", text(&first["run"]))])
    );
    assert_eq!(
        first["hash"], "",
        "a page that was only opened is no place in it"
    );
    let runs = project
        .read("several.html")
        .matches("<section class=\"run\"")
        .count();
    assert!(runs >= 6, "{runs} runs");
    for number_of_run in 1..=runs {
        let run = format!("run-{number_of_run}");
        browser.click(&format!("a.outcome[href='#{run}']"));
        let begun = arrived(browser, &run);
        assert!(
            begun["chosen"]
                .as_array()
                .is_some_and(|chosen| chosen.contains(&format!("#{run}").into()))
        );
        if ![1, runs].contains(&number_of_run) {
            continue;
        }
        // A click puts the focus into the table, where the arrows step.
        browser.click(&format!("#{run}-step-1 th"));
        let mut before = facts(&shown(browser));
        let rows = number(&begun["rows"]);
        let mut changes = 0;
        for row in 1..rows {
            browser.press(if row % 2 == 0 { DOWN } else { 'j' });
            let now = shown(browser);
            assert_eq!(now["row"], row);
            assert_eq!(now["focus"], format!("{run}-step-{}", row + 1));
            assert_eq!(now["hash"], format!("#{run}-step-{}", row + 1));
            changes += changes_are_marked(&before, &now);
            before = facts(&now);
        }
        assert!(changes > 5, "{run} changes {changes} facts");
        let ends = |key, row| {
            browser.press(key);
            assert_eq!(shown(browser)["row"], row);
        };
        ends(DOWN, rows - 1);
        ends('k', rows - 2);
        ends(HOME, 0);
        ends(UP, 0);
        ends(END, rows - 1);
    }
    silent(browser);
}

/// Buttons, nodes and boxes step too; an address leads to a step; arrows outside of the table are the browser's.
fn links(browser: &Browser) {
    let source = of_repository("pending/finalize-while-handled.capi");
    let project = Project::new(&[]);
    let file = page(&project, "linked", &source, &["3.13"]);
    browser.open(&file, "#run-1-step-3");
    let begun = shown(browser);
    assert_eq!((&begun["run"], &begun["row"]), (&"run-1".into(), &2.into()));
    browser.click("a.outcome[href='#run-2']");
    arrived(browser, "run-2");
    browser.press(DOWN);
    assert_eq!(shown(browser)["row"], 0);
    browser.press('j');
    assert_eq!(shown(browser)["row"], 1);
    browser.click("#run-2 [data-go=last]");
    let last = shown(browser);
    assert_eq!(number(&last["row"]) + 1, number(&last["rows"]));
    assert_eq!(
        browser.ask("return document.querySelector('#run-2 [data-go=on]').disabled"),
        true
    );
    browser.click("#run-2 [data-go=first]");
    assert_eq!(shown(browser)["row"], 0);
    // The run never ends: its round is drawn, and a click on a box goes to that step.
    let step =
        browser.ask("return document.querySelector('#run-2 .lasso [data-step]').dataset.step");
    browser.click("#run-2 .lasso [data-step]");
    let step: u64 = text(&step).parse().expect("a step");
    let boxed = shown(browser);
    assert_eq!(number(&boxed["row"]) + 1, step);
    browser.click("#run-2 [data-go=first]");
    browser.click(&format!(
        "#run-2 .graph .node[data-node='{}']",
        text(&boxed["node"])
    ));
    assert_eq!(shown(browser)["node"], boxed["node"]);
    browser.ask("location.hash = '#run-1'");
    arrived(browser, "run-1");
    silent(browser);
}

/// However broad the window and the table, the page is not broader than the window.
fn fits(browser: &Browser) {
    let project = Project::new(&[]);
    browser.open(&page(&project, "broad", BROAD, &[]), "");
    let rows = number(&shown(browser)["rows"]);
    assert!(rows >= 30, "{rows} rows");
    for width in [1900, 1300, 1000, 700, 500] {
        browser.resize(width, 900);
        let beyond = browser.ask("return document.documentElement.scrollWidth - innerWidth");
        assert!(
            beyond.as_i64().is_some_and(|beyond| beyond <= 0),
            "{width}: {beyond} beyond"
        );
    }
    silent(browser);
}

/// The console has nothing to say.
fn silent(browser: &Browser) {
    let said = browser.console();
    assert!(said.is_empty(), "{said:#?}");
}
