//! Each check of an exploration can fail: lies about what was found, and silences in the key, are noticed.

use crate::concurrent::{
    canonical, checked, claims_decide, is_huge, merging_loses_nothing, points_lose_nothing,
    repeats, replays,
};
use crate::fixed;
use crate::weave::weaves;
use proptest::strategy::{Strategy, ValueTree};
use tstate::sim::world::Silence;

/// A lie about an exploration, or a silence in it.
#[derive(Clone, Copy, Debug)]
enum Lie {
    AnotherOutcome,
    OneOutcomeLess,
    OneOutcomeMore,
    OneStateMore,
    ShorterSchedule,
    /// Of the silences, those that the audit alone can notice; `tests/engine.rs` has all.
    Forgets(Silence),
}

const LIES: [Lie; 8] = [
    Lie::AnotherOutcome,
    Lie::OneOutcomeLess,
    Lie::OneOutcomeMore,
    Lie::OneStateMore,
    Lie::ShorterSchedule,
    Lie::Forgets(Silence::KeyWord),
    Lie::Forgets(Silence::KeyHistory),
    Lie::Forgets(Silence::ScopeLive),
];

/// What each check that the lie concerns says.
fn told(lie: Lie, text: &str) -> Result<Vec<Result<(), String>>, String> {
    let mut first = checked(text, false)?;
    if first.verdict.outcomes.is_empty() || is_huge(&first.exploration) {
        return Ok(Vec::new());
    }
    let outcomes = &mut first.verdict.outcomes;
    let silenced = |silence| merging_loses_nothing(text, false, Some(silence)).map(|_| ());
    Ok(match lie {
        Lie::AnotherOutcome => {
            outcomes[0].text = "livelock(main)".to_owned();
            vec![
                repeats(text, &first),
                replays(text, &first),
                points_lose_nothing(text, &first).map(|_| ()),
            ]
        }
        Lie::OneOutcomeMore => {
            let mut more = outcomes[0].clone();
            more.text = "livelock(main)".to_owned();
            outcomes.push(more);
            vec![
                repeats(text, &first),
                replays(text, &first),
                points_lose_nothing(text, &first).map(|_| ()),
                claims_decide(text, &first),
            ]
        }
        Lie::OneOutcomeLess if outcomes.len() > 1 => {
            outcomes.pop();
            vec![
                repeats(text, &first),
                points_lose_nothing(text, &first).map(|_| ()),
            ]
        }
        Lie::OneOutcomeLess => Vec::new(),
        Lie::OneStateMore => {
            first.verdict.states += 1;
            vec![repeats(text, &first)]
        }
        Lie::ShorterSchedule => {
            outcomes[0].schedule.choices.pop();
            vec![replays(text, &first)]
        }
        Lie::Forgets(silence) => vec![silenced(silence)],
    })
}

#[test]
fn every_lie_about_an_exploration_is_noticed() {
    for lie in LIES {
        let mut runner = fixed(40);
        let strategy = weaves();
        let mut noticed: Vec<bool> = Vec::new();
        for _ in 0..40 {
            let tree = strategy.new_tree(&mut runner).expect("nothing is rejected");
            let text = canonical(&tree.current().text()).expect("it parses");
            let told = told(lie, &text).expect("it can be explored");
            noticed.resize(noticed.len().max(told.len()), false);
            for (noticed, told) in noticed.iter_mut().zip(told) {
                *noticed |= told.is_err();
            }
            if !noticed.is_empty() && noticed.iter().all(|noticed| *noticed) {
                break;
            }
        }
        assert!(!noticed.is_empty(), "{lie:?}: nothing was told");
        let all = noticed.iter().all(|noticed| *noticed);
        assert!(all, "{lie:?}: noticed by {noticed:?}");
    }
}
