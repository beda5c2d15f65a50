//! The table of calls against the counts of its sources: `tstate api` leaves nothing out.

use std::collections::BTreeSet;
use tstate::sim::scenario::calls::{self, Kind, Modelled, Origin, Row};

fn rows() -> impl Iterator<Item = &'static Row> {
    calls::rows().iter().copied().flatten()
}

fn row(name: &str) -> Option<&'static Row> {
    rows().find(|row| row.names().any(|known| known == name))
}

#[test]
fn each_source_has_as_many_names_as_were_counted() {
    let counted = [
        (Origin::Declared, 129),
        (Origin::Mentioned, 26),
        (Origin::Internals, 56),
        (Origin::Pep788, 12),
    ];
    for (origin, count) in counted {
        let names: BTreeSet<_> = origin.names().into_iter().collect();
        assert_eq!(names.len(), count, "{origin:?}");
        assert_eq!(origin.names().len(), count, "{origin:?} names one twice");
    }
}

#[test]
fn every_name_of_every_source_has_a_row() {
    let names = Origin::ALL.into_iter().flat_map(Origin::names);
    let missing: Vec<_> = names.filter(|name| row(name).is_none()).collect();
    assert!(missing.is_empty(), "no row: {missing:?}");
}

#[test]
fn every_row_says_what_it_is_and_where_it_is_documented() {
    for row in rows() {
        assert!(!row.summary.is_empty(), "{} is not said", row.name);
        let link = row.documentation();
        assert!(link.starts_with("https://"), "{}: {link}", row.name);
        assert!(row.since <= row.until, "{}", row.name);
    }
}

#[test]
fn what_the_page_declares_can_be_called() {
    let functions = Origin::Declared
        .names()
        .into_iter()
        .chain(Origin::Mentioned.names())
        .chain(Origin::Pep788.names())
        .filter_map(row)
        .filter(|row| row.kind == Kind::Function);
    let refused: Vec<_> = functions
        .filter(|row| row.modelled.is_none())
        .map(|row| row.name)
        .collect();
    assert!(refused.is_empty(), "not modelled: {refused:?}");
}

#[test]
fn releases_have_what_they_have() {
    let at = |name: &str| row(name).map(|row| (row.since, row.until, row.lacks, row.deprecated));
    assert_eq!(at("PyRefTracer_SetTracer"), Some((13, 15, 0, 0)));
    assert_eq!(at("Py_VerboseFlag"), Some((8, 15, 0, 12)));
    assert_eq!(at("_Py_InitializeMain"), Some((8, 15, 14, 0)));
    assert_eq!(at("PyThreadState.on_delete"), Some((8, 12, 0, 0)));
    assert_eq!(at("PyThreadState_Ensure"), Some((15, 15, 0, 0)));
}

#[test]
fn endings_follow_from_what_a_row_says() {
    let ends = |name: &str| row(name).map(Row::endings).unwrap_or_default();
    assert!(ends("PyEval_RestoreThread").contains(&"hang".to_owned()));
    assert!(ends("PyThreadState_Clear").contains(&"crash(use_after_free)".to_owned()));
    assert!(ends("Py_IsInitialized").is_empty());
    assert!(ends("PyTrace_CALL").is_empty());
}

#[test]
fn declarations_are_of_functions_that_there_are() {
    let names: Vec<&str> = Row::declared_otherwise().collect();
    assert!(names.is_sorted(), "they are looked up by halves");
    assert!(names.len() >= 40, "{} declarations", names.len());
    for name in names {
        let row = row(name).unwrap_or_else(|| panic!("{name} is no row"));
        let declaration = row.declaration().unwrap_or_default();
        assert!(declaration.contains(&format!("{name}(")), "{declaration}");
        assert!(!declaration.contains("()"), "{declaration}");
    }
}

#[test]
fn what_is_refused_is_known() {
    let refused: Vec<&str> = rows()
        .filter(|row| row.is_modelled() == Some(Modelled::No))
        .map(|row| row.name)
        .collect();
    let expected = [
        // Deprecated calls, gone from the headers of 3.13.
        "PyEval_AcquireLock",
        "PyEval_ReleaseLock",
        // Read by nothing but the library itself.
        "_PyGILState_GetInterpreterStateUnsafe",
        // A word of its own: `import m`.
        "PyImport_ImportModule",
        // Not of the lifecycle; what dies is written as `at_clear`.
        "Py_DECREF",
        // Of the free-threaded build.
        "_PyEval_StopTheWorld",
        "_PyEval_StartTheWorld",
        "_PyEval_StopTheWorldAll",
        "_PyEval_StartTheWorldAll",
        // An object of a number that `PyInterpreterState_GetID` gives.
        "_PyInterpreterState_GetIDObject",
    ];
    assert_eq!(refused, expected);
}
