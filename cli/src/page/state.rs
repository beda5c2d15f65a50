//! The state after each step: one table, whose cells the script fills for the step that is shown.

use super::markup::escaped;
use std::collections::BTreeMap;
use tstate::sim::report::State;

/// A fact over the whole run.
struct Course<'a> {
    subject: &'a str,
    name: &'a str,
    /// The rows at which it changed, counted from 0, and to what: none where it is no fact any more.
    changes: Vec<(usize, Option<&'a str>)>,
}

/// The table with the last state. Each fact has its course in `data-course`: pairs of a row, counted from 0, and the value
/// from there on.
#[must_use]
pub(super) fn table(states: &[State]) -> String {
    let courses = courses(states);
    let mut text = String::from("<table class=\"facts\">\n");
    let mut subject = None;
    for course in &courses {
        if subject != Some(course.subject) {
            if subject.is_some() {
                text += "</tbody>\n";
            }
            subject = Some(course.subject);
            text += &format!(
                "<tbody><tr class=\"subject\"><th colspan=\"2\" scope=\"rowgroup\">{}</th></tr>\n",
                escaped(course.subject)
            );
        }
        text += &row(course);
    }
    if subject.is_some() {
        text += "</tbody>\n";
    }
    text + "</table>\n"
}

fn row(course: &Course<'_>) -> String {
    let data = serde_json::to_string(&course.changes).unwrap_or_default();
    let last = course.changes.last().and_then(|(_, value)| *value);
    let hidden = if last.is_none() { " hidden" } else { "" };
    format!(
        "<tr class=\"fact\"{hidden} data-course=\"{}\"><th scope=\"row\">{}</th>\
         <td><span class=\"value\">{}</span><span class=\"was\"></span></td></tr>\n",
        escaped(&data),
        escaped(course.name),
        escaped(last.unwrap_or_default())
    )
}

/// All facts of all states, each once, in an order that agrees with that of every state.
fn courses(states: &[State]) -> Vec<Course<'_>> {
    let mut courses: Vec<Course<'_>> = Vec::new();
    for (row, state) in states.iter().enumerate() {
        let mut now: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        let mut place = 0;
        for fact in &state.facts {
            let key = (fact.subject.as_str(), fact.name.as_str());
            now.insert(key, &fact.value);
            let known = courses
                .iter()
                .position(|course| (course.subject, course.name) == key);
            place = known.unwrap_or_else(|| {
                courses.insert(
                    place,
                    Course {
                        subject: key.0,
                        name: key.1,
                        changes: Vec::new(),
                    },
                );
                place
            }) + 1;
        }
        for course in &mut courses {
            let is = now.get(&(course.subject, course.name)).copied();
            let was = course.changes.last().and_then(|(_, value)| *value);
            if is != was {
                course.changes.push((row, is));
            }
        }
    }
    courses
}

#[cfg(test)]
mod tests {
    use super::courses;
    use tstate::sim::report::{Fact, State};

    fn state(facts: &[(&str, &str, &str)]) -> State {
        let facts = facts.iter().map(|(subject, name, value)| Fact {
            subject: (*subject).to_owned(),
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        });
        State {
            facts: facts.collect(),
        }
    }

    #[test]
    fn a_fact_that_comes_later_stands_where_its_state_has_it() {
        let states = [
            state(&[("a", "x", "1"), ("c", "x", "1")]),
            state(&[("a", "x", "1"), ("b", "x", "2"), ("c", "x", "3")]),
            state(&[("a", "x", "1"), ("c", "x", "3")]),
        ];
        let courses = courses(&states);
        let subjects: Vec<&str> = courses.iter().map(|course| course.subject).collect();
        assert_eq!(subjects, ["a", "b", "c"]);
        assert_eq!(courses[0].changes, [(0, Some("1"))]);
        assert_eq!(courses[1].changes, [(1, Some("2")), (2, None)]);
        assert_eq!(courses[2].changes, [(0, Some("1")), (1, Some("3"))]);
    }
}
