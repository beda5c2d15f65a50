//! What headers a file takes, and what it calls by another name in some of them.

use super::levels_text;
use super::write::Writer;
use tstate::runtime::levels::{Levels, are_all};

/// Names that differ between releases: since when, the new one, the old one.
const RENAMED: [(&str, &str, &str); 3] = [
    (
        "0x03090000",
        "PyInterpreterState_Get",
        "_PyInterpreterState_Get",
    ),
    (
        "0x030D0000",
        "PyThreadState_GetUnchecked",
        "_PyThreadState_UncheckedGet",
    ),
    ("0x030D0000", "Py_IsFinalizing", "_Py_IsFinalizing"),
];

impl Writer<'_> {
    /// The lines that refuse other releases than the file's, and name what is called otherwise there.
    pub(super) fn guard(&self) -> String {
        let minor = self.profile.minor();
        let mut text = format!(
            "#if PY_MAJOR_VERSION != 3 || PY_MINOR_VERSION != {minor}\n\
             #error \"this file shows a run of CPython 3.{minor}: compile it for that release\"\n\
             #endif\n\n"
        );
        if !are_all(&self.levels) {
            let conditions: Vec<String> = self.levels.iter().map(condition).collect();
            let levels = levels_text(&self.levels);
            text += &format!(
                "#if !({})\n#error \"this file shows a run of CPython {levels}: \\\n\
                 write another with --python and your patch level\"\n#endif\n\n",
                conditions.join(" || ")
            );
        }
        for (since, new, old) in RENAMED {
            if self.mentioned.contains(new) {
                text += &format!("#if PY_VERSION_HEX < {since}\n#define {new} {old}\n#endif\n\n");
            }
            if self.mentioned.contains(old) {
                text += &format!("#if PY_VERSION_HEX >= {since}\n#define {old} {new}\n#endif\n\n");
            }
        }
        text
    }
}

/// That the headers are of these patch levels.
fn condition(levels: &Levels) -> String {
    match (levels.first, levels.last) {
        (first, Some(last)) if first == last => format!("PY_MICRO_VERSION == {first}"),
        (0, Some(last)) => format!("PY_MICRO_VERSION <= {last}"),
        (first, Some(last)) => {
            format!("(PY_MICRO_VERSION >= {first} && PY_MICRO_VERSION <= {last})")
        }
        (first, None) => format!("PY_MICRO_VERSION >= {first}"),
    }
}
