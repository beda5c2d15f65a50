//! `tstate export-c`: what it writes, that C compilers take it, and that real CPythons show what it says.

mod recorded;
mod support;

use recorded::snapshot;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Project, answer};

/// Set it to the number of programs that must have run: a gate that ran none is none.
const AT_LEAST: &str = "TSTATE_EXPORT_AT_LEAST";

/// A scenario for each class of outcomes that every release has, and for what a program does with memory and with failures, with the outcome.
const CASES: [(&str, &str, &str); 12] = [
    (
        "ok",
        "ok",
        "thread main { Py_Initialize(); start worker
            Py_BEGIN_ALLOW_THREADS
                join worker
            Py_END_ALLOW_THREADS
            Py_FinalizeEx() == 0 }
         foreign thread worker { PyGILState_STATE g = PyGILState_Ensure(); PyGILState_Release(g) }",
    ),
    (
        "deadlock",
        "deadlock(main, worker)",
        "thread main { Py_Initialize(); start worker; join worker }
         foreign thread worker { PyGILState_STATE g = PyGILState_Ensure(); PyGILState_Release(g) }
         expect { allow deadlock }",
    ),
    (
        "livelock",
        "livelock(main)",
        "thread main { Py_Initialize(); eval until runs(call) == 1; Py_AddPendingCall(call, NULL) }
         callback call { }
         expect { allow livelock }",
    ),
    (
        "lost",
        "lost(call)",
        "thread main { Py_Initialize(); Py_AddPendingCall(call, NULL) == 0 }
         callback call { }
         expect { allow lost }",
    ),
    (
        "assertion",
        "assertion",
        "thread main { Py_IsInitialized() == 1 }
         expect { allow assertion }",
    ),
    (
        "fatal",
        "",
        "thread main { Py_Initialize(); PyEval_SaveThread(); PyThreadState_Get() }
         expect { allow fatal }",
    ),
    (
        "barred",
        "hang(worker)|exit(worker)",
        "native semaphore ready = 0
         thread main { Py_Initialize(); start worker
            Py_BEGIN_ALLOW_THREADS
                wait ready
            Py_END_ALLOW_THREADS
            Py_FinalizeEx() == 0 }
         foreign thread worker { PyGILState_Ensure(); PyThreadState *t = PyEval_SaveThread(); post ready; PyEval_RestoreThread(t) }
         expect { allow hang, exit, crash, deadlock, fatal, ok }",
    ),
    (
        "child",
        "child(deadlock(main))",
        "native mutex m
         native semaphore locked = 0
         thread main { Py_Initialize(); start worker; wait locked
            os.fork { child { lock m } parent { } } }
         foreign thread worker { lock m; post locked; sleep; unlock m }
         expect { in child { allow deadlock, ok } }",
    ),
    (
        "memory",
        "ok",
        "object watched
         thread main { Py_Initialize(); alloc_hook(allocated); new watched
            assert runs(allocated) == 1
            PyThreadState *ts = PyThreadState_New(PyInterpreterState_Main())
            assert runs(allocated) == 2 && thread_states == 2
            alloc_hook(NULL); PyThreadState_Clear(ts); PyThreadState_Delete(ts)
            PyThread_tss_free(NULL); fail alloc
            PyThread_tss_alloc() == NULL
            Py_FinalizeEx() == 0 }
         callback allocated { PyThreadState *inner = PyThreadState_New(PyInterpreterState_Main()); PyThreadState_Delete(inner) }",
    ),
    (
        "failures",
        "ok",
        "PyConfig config
         thread main { Py_Initialize(); fail thread_start
            start worker == -1
            Py_FinalizeEx() == 0
            PyConfig_InitPythonConfig(&config); fail stage encodings
            PyStatus st = Py_InitializeFromConfig(&config)
            PyStatus_Exception(st) == 1 }
         python thread worker { }",
    ),
    (
        "no interpreter",
        "ok|",
        "thread main { Py_Initialize(); fail stage interpreter; Py_NewInterpreter() == NULL }
         expect { allow ok for python < 3.13 }",
    ),
    (
        "programs",
        "ok",
        "thread main { at_site(site); at_main(program); Py_Initialize()
            assert runs(site) == 1
            Py_RunMain() == 1
            assert runs(program) == 1 }
         callback site { }
         callback program { return -1 }",
    ),
];

/// One for releases since 3.13.
const REFERENCES: (&str, &str, &str) = (
    "references",
    "ok",
    "object watched finalizer dies
     thread main { Py_Initialize()
        PyRefTracer_SetTracer(traces, 7) == 0
        new watched; drop watched
        assert runs(traces) == 2 && runs(dies) == 1
        void *data = NULL
        PyRefTracer now = PyRefTracer_GetTracer(&data)
        assert now == traces && data == 7
        Py_FinalizeEx() == 0 }
     callback traces(object, event, data) { assert data == 7 && (object == watched || event == PyRefTracer_DESTROY) }
     callback dies { assert runs(traces) == 2 }",
);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `tstate` in the repository, with these arguments.
fn tstate(arguments: &[&str]) -> support::Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tstate"));
    let output = command.args(arguments).current_dir(root()).output();
    answer(output.expect("the program starts"))
}

/// How C programs are built for the libpython at hand.
struct Compiler {
    flags: Vec<String>,
    /// `3.11.7`
    release: String,
}

/// The command line that exports a scenario's run to an outcome.
fn exporting<'a>(scenario: &'a str, python: &'a str, outcome: &'a str) -> [&'a str; 6] {
    [
        "export-c",
        scenario,
        "--python",
        python,
        "--outcome",
        outcome,
    ]
}

/// The compiler's flags for the libpython of `python3-config`, or why there is none.
fn compiler() -> Result<Compiler, String> {
    let name =
        std::env::var("TSTATE_PYTHON_CONFIG").unwrap_or_else(|_| "python3-config".to_owned());
    let said = |arguments: &[&str]| -> Result<String, String> {
        let output = Command::new(&name).args(arguments).output();
        let output = output.map_err(|error| format!("{name}: {error}"))?;
        if !output.status.success() {
            return Err(format!("{name} {} fails", arguments.join(" ")));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let flags = said(&["--cflags", "--embed", "--ldflags"])?;
    let flags: Vec<String> = flags.split_whitespace().map(str::to_owned).collect();
    let headers = flags
        .iter()
        .filter_map(|flag| flag.strip_prefix("-I"))
        .find_map(|folder| fs::read_to_string(Path::new(folder).join("patchlevel.h")).ok());
    let headers = headers.ok_or_else(|| format!("{name} names no headers that are there"))?;
    let release = headers.lines().find_map(|line| {
        let text = line.strip_prefix("#define PY_VERSION ")?;
        Some(text.trim().trim_matches('"').to_owned())
    });
    let release = release.ok_or_else(|| "patchlevel.h has no PY_VERSION".to_owned())?;
    Ok(Compiler { flags, release })
}

#[test]
fn a_file_reads_as_the_scenario_does() {
    for (name, scenario, python, outcome) in [
        (
            "deadlock",
            "scenarios/deadlock/join-attached.capi",
            "3.13",
            "deadlock(main, worker)",
        ),
        (
            "lost",
            "scenarios/pending/initialized-elsewhere.capi",
            "3.14",
            "lost(call)",
        ),
        (
            "child",
            "scenarios/fork/in-a-sub-interpreter.capi",
            "3.12",
            "child(fatal(\"_PyInterpreterState_DeleteExceptMain: not main interpreter\"))",
        ),
        (
            "leak",
            "scenarios/finalize/abandoned-state.capi",
            "3.14",
            "leak",
        ),
    ] {
        let arguments = exporting(scenario, python, outcome);
        let answer = tstate(&arguments).expect(&arguments, 0);
        let text = answer.output;
        // What is the same in every file is read once, in the sources.
        let end = text
            .find("#define PY_SSIZE_T_CLEAN")
            .expect("the head's end");
        let from = text.find("/* ---- The scenario").expect("the scenario");
        let to = text
            .find("/* ---- What was seen")
            .expect("the scenario's end");
        let name = format!("export-{name}");
        snapshot!(name, format!("{}...\n\n{}", &text[..end], &text[from..to]));
    }
}

#[test]
fn what_has_no_c_text_is_refused_with_its_place() {
    let text = "scenario \"no memory\"\npython 3.14\n\nthread main {\n    Py_Initialize()\n    fail stage config\n}\n";
    let project = Project::new(&[("a.capi", text)]);
    let arguments = exporting("a.capi", "3.14", "ok");
    let answer = project.expect(&arguments, 2);
    assert!(
        answer.remarks.contains("S404") && answer.remarks.contains("a.capi:6"),
        "{answer:?}"
    );
    let arguments = exporting("a.capi", "3.14", "hang(main)");
    let answer = project.expect(&arguments, 2);
    assert!(
        answer.remarks.contains("the outcomes are 3.14: ok"),
        "{answer:?}"
    );
}

#[test]
fn a_file_is_for_the_patch_levels_on_which_its_order_decides() {
    let late = "scenarios/finalize/thread-started-at-exit-fixed.capi";
    for (scenario, python, outcome, guard) in [
        (late, "3.12.1", "assertion", "#if !(PY_MICRO_VERSION <= 2)"),
        (late, "3.12", "ok", "#if !(PY_MICRO_VERSION >= 3)"),
        (
            "scenarios/deadlock/join-attached.capi",
            "3.12.1",
            "deadlock(main, worker)",
            "",
        ),
    ] {
        let arguments = exporting(scenario, python, outcome);
        let text = tstate(&arguments).expect(&arguments, 0).output;
        assert_eq!(
            text.contains("PY_MICRO_VERSION"),
            !guard.is_empty(),
            "{text}"
        );
        assert!(text.contains(guard), "{text}");
        assert!(text.contains("Forced: every run of the model"), "{text}");
    }
}

/// A program cannot look at the states that such a claim speaks of, and would say that all is well.
#[test]
fn a_claim_about_states_is_refused() {
    let scenario = "scenarios/finalize/only-the-finalizer-attaches.capi";
    let arguments = exporting(scenario, "3.14", "assertion");
    let answer = tstate(&arguments).expect(&arguments, 2);
    assert!(answer.remarks.contains("S404"), "{answer:?}");
}

#[test]
fn a_saved_counterexample_is_a_trace() {
    let text = format!(
        "scenario \"joined\"\npython 3.13\n{}",
        CASES[1].2.replace("expect { allow deadlock }", "")
    );
    let project = Project::new(&[("scenarios/a.capi", &text)]);
    project.expect(&["check", "--save", "saved"], 1);
    let saved = fs::read_dir(project.path("saved")).expect("a folder");
    let saved = saved
        .map(|file| file.expect("a file").path())
        .next()
        .expect("a counterexample");
    let saved = saved.to_str().expect("a name");
    project.expect(&["export-c", saved, "-o", "repro.c"], 0);
    let text = project.read("repro.c");
    assert!(
        text.contains("#define EXPECTED \"deadlock(main, worker)\""),
        "{text}"
    );
}

/// Compiles `a.c` of a project.
fn compile(compiler: &Compiler, project: &Project, name: &str) -> PathBuf {
    let program = project.path("a");
    let compiled = Command::new("cc")
        .args(["-Wall", "-Werror", "-DWATCHDOG=1200", "-DCALM=12"])
        .arg(project.path("a.c"))
        .arg("-o")
        .arg(&program)
        .args(&compiler.flags)
        .arg("-pthread")
        .output()
        .expect("a compiler of C");
    let said = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{name}: {said}");
    program
}

/// Says how much was tested, for who reads a gate's log.
#[expect(clippy::print_stdout, reason = "what was not tested has to be told")]
fn tell(what: &str) {
    println!("{what}");
}

#[test]
fn programs_show_what_they_say() {
    let least: usize = std::env::var(AT_LEAST).map_or(0, |text| text.parse().expect("a number"));
    let compiler = match compiler() {
        Ok(compiler) => compiler,
        Err(why) => {
            assert_eq!(least, 0, "no exported program can run: {why}");
            tell(&format!("no exported program was run: {why}"));
            return;
        }
    };
    let mut ran = 0;
    let minor = compiler
        .release
        .rsplit_once('.')
        .map_or("", |(minor, _)| minor);
    let number = minor.trim_start_matches("3.").parse::<u8>();
    let since_13 = number.is_ok_and(|number| number >= 13);
    let later = Some(REFERENCES).filter(|_| since_13);
    for (name, outcome, body) in CASES.into_iter().chain(later) {
        let text = format!("scenario \"{name}\"\npython {minor}\n{body}\n");
        let project = Project::new(&[("a.capi", &text)]);
        let exported = outcome.split('|').any(|outcome| {
            let mut arguments = vec![
                "export-c",
                "a.capi",
                "--python",
                &compiler.release,
                "-o",
                "a.c",
            ];
            if !outcome.is_empty() {
                arguments.extend(["--outcome", outcome]);
            }
            let answer = project.run(&arguments);
            assert!(!answer.remarks.contains("not forced"), "{name}: {answer:?}");
            answer.status == Some(0)
        });
        assert!(
            exported,
            "{name} on {}: no run to {outcome}",
            compiler.release
        );
        let program = compile(&compiler, &project, name);
        let seen = answer(Command::new(&program).output().expect("the program starts"));
        assert_eq!(
            seen.status,
            Some(0),
            "{name} on {}: {seen:?}",
            compiler.release
        );
        ran += 1;
    }
    tell(&format!(
        "{ran} exported programs ran on {}",
        compiler.release
    ));
    assert!(
        ran >= least,
        "{ran} exported programs ran, {least} were asked for"
    );
}

#[test]
fn pages_of_findings_have_the_files_that_are_written_today() {
    let folder = root().join("docs/findings");
    let index = fs::read_to_string(folder.join("README.md")).expect("the index");
    let mut pages = 0;
    for page in fs::read_dir(&folder).expect("the folder") {
        let page = page.expect("a page").path();
        let name = page
            .file_stem()
            .and_then(|name| name.to_str())
            .expect("a name")
            .to_owned();
        if page.extension().is_none_or(|kind| kind != "md") || name == "README" {
            continue;
        }
        pages += 1;
        assert!(
            index.contains(&format!("({name}.md)")),
            "the index does not name {name}"
        );
        let mut text = fs::read_to_string(&page).expect("the page");
        let line = text.lines().find_map(|line| line.strip_prefix("tstate "));
        let line = line.unwrap_or_else(|| panic!("{name} says no command"));
        let arguments = words(line);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert!(
            root().join(arguments[1]).is_file(),
            "{name} names no scenario: {line}"
        );
        let written = tstate(&arguments).expect(&arguments, 0).output;
        let file = folder.join(format!("{name}.c"));
        let with_run = with_run(&text, &written);
        if std::env::var_os("TSTATE_UPDATE").is_some() {
            fs::write(&file, &written).expect("a file");
            fs::write(&page, &with_run).expect("a page");
            text.clone_from(&with_run);
        }
        assert_eq!(
            text, with_run,
            "{name}.md: write its run anew with TSTATE_UPDATE=1"
        );
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            kept, written,
            "{name}.c: write it anew with TSTATE_UPDATE=1"
        );
        assert!(
            text.contains(&format!("({name}.c)")),
            "{name} does not name its file"
        );
    }
    assert!(pages > 0, "no page was looked at");
}

/// A page with the run's table as the C file's head has it.
fn with_run(page: &str, written: &str) -> String {
    let table = written
        .lines()
        .skip_while(|line| !line.starts_with(" *     #  "))
        .take_while(|line| !line.starts_with(" *     cc "))
        .map(|line| line.strip_prefix(" *   ").unwrap_or_default());
    let table = table.collect::<Vec<_>>().join("\n");
    let (before, after) = page
        .split_once("## What would fix it")
        .expect("what would fix it");
    let before = before
        .split_once("## The run")
        .map_or(before, |(before, _)| before);
    format!(
        "{before}## The run\n\n```text\n{}\n```\n\n## What would fix it{after}",
        table.trim_end()
    )
}

/// The words of a command line, in which `'` quotes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            letter => word.push(letter),
        }
    }
    words.push(word);
    words
}
