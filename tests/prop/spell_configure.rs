//! How calls about the configuration are written, and calls that may come before initialization.

use crate::reference::{Choice, Configure, FLAGS, flag_name};
use crate::script::{Kind, Step, Writer};

/// The release that had no `_Py_InitializeMain`.
const WITHOUT_INITIALIZE_MAIN: u8 = 14;

const TEXTS: [&str; 6] = [
    "Py_GetVersion()",
    "Py_GetPlatform()",
    "Py_GetCopyright()",
    "Py_GetCompiler()",
    "Py_GetBuildInfo()",
    "Py_DecodeLocale(\"text\", NULL)",
];

impl Writer {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others configure nothing; whoever calls this has sorted them out"
    )]
    pub(crate) fn of_configuration(&self, step: Step) -> Option<(Configure, String)> {
        let pick = usize::from(step.pick);
        let flag = pick % FLAGS;
        let plain = |configure, text: &str| Some((configure, text.to_owned()));
        match step.kind {
            Kind::SetFlag => {
                let value = pick / FLAGS % 4;
                let text = format!("{} = {value}", flag_name(flag));
                Some((Configure::SetFlag(flag, value as i32), text))
            }
            Kind::ReadFlag => {
                let value = self.reference.flags[flag];
                let text = format!("assert {} == {value}", flag_name(flag));
                Some((Configure::ReadFlag(flag), text))
            }
            Kind::PreInitialize => plain(
                Configure::PreInitialize,
                "PyStatus_Exception(Py_PreInitialize(&before))",
            ),
            Kind::InitializeFrom if step.reckless => plain(
                Configure::Initialize(None),
                "PyStatus_Exception(Py_InitializeFromConfig(NULL))",
            ),
            Kind::InitializeFrom => {
                let text = format!("PyStatus_Exception(Py_InitializeFromConfig(&config_{pick}))");
                Some((Configure::Initialize(Some(Choice(step.pick))), text))
            }
            Kind::InitializeMain if self.minor != WITHOUT_INITIALIZE_MAIN => plain(
                Configure::InitializeMain,
                "PyStatus_Exception(_Py_InitializeMain())",
            ),
            Kind::Text => plain(Configure::Text, TEXTS[pick % TEXTS.len()]),
            Kind::EncodeLocale => plain(Configure::EncodeLocale, "Py_EncodeLocale(\"text\", NULL)"),
            Kind::SetArgv => plain(Configure::SetArgv, "PySys_SetArgvEx(0, NULL, 0)"),
            Kind::ThreadsInitialized => {
                plain(Configure::ThreadsInitialized, "PyEval_ThreadsInitialized()")
            }
            _ => None,
        }
    }
}
