//! How calls about who looks on are written.

use crate::reference::{Look, Reference, State, Tool, Which};
use crate::script::{Kind, Step, Writer};
use crate::spell::live;

/// Audit hooks that one sequence adds: the runtime has room for one more.
const HOOKS_MAX: usize = 3;

impl Writer {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others look on at nothing; whoever calls this has sorted them out"
    )]
    pub(crate) fn of_hooks(&self, step: Step) -> Option<(Look, String)> {
        let plain = |look, text: &str| Some((look, text.to_owned()));
        let odd = !step.pick.is_multiple_of(2);
        match step.kind {
            Kind::SetTracer | Kind::SetTracerAll => Some(set_tracer(step)),
            Kind::EnterTracing | Kind::LeaveTracing => self.tracing(step),
            Kind::AddHook if self.reference.tools.hooks.len() < HOOKS_MAX => {
                let hooks = [Tool::Listens, Tool::Listens, Tool::Denies, Tool::Bars];
                let hook = hooks[usize::from(step.pick % 4)];
                let text = format!("PySys_AddAuditHook({}, NULL)", hook.name());
                Some((Look::AddHook(hook), text))
            }
            Kind::Audit => plain(Look::Audit, "PySys_Audit(\"tool.event\", NULL)"),
            Kind::SetEvaluator => {
                let (of, interpreter) = self.interpreter_of_any(step);
                let null = (step.pick / 2).is_multiple_of(4);
                let function = if null { "NULL" } else { Tool::Compiles.name() };
                let text =
                    format!("_PyInterpreterState_SetEvalFrameFunc({interpreter}, {function})");
                Some((Look::SetEvaluator(of, null), text))
            }
            Kind::GetEvaluator => {
                let (of, interpreter) = self.interpreter_of_any(step);
                let text = format!("_PyInterpreterState_GetEvalFrameFunc({interpreter})");
                Some((Look::GetEvaluator(of), text))
            }
            Kind::AllocHook if step.pick.is_multiple_of(4) => {
                plain(Look::AllocHook(false), "alloc_hook(NULL)")
            }
            Kind::AllocHook => plain(Look::AllocHook(true), "alloc_hook(allocates)"),
            Kind::SetRefTracer => {
                let tool = [
                    Some(Tool::Refers),
                    None,
                    Some(Tool::Keeps),
                    Some(Tool::Refers),
                ][usize::from(step.pick % 4)];
                let name = tool.map_or("NULL", Tool::name);
                let text = format!("PyRefTracer_SetTracer({name}, NULL)");
                Some((Look::SetRefTracer(tool), text))
            }
            Kind::GetRefTracer => plain(Look::GetRefTracer, "PyRefTracer_GetTracer(NULL)"),
            Kind::NewObject if odd || !self.reference.tools.object => {
                plain(Look::NewObject, "new thing")
            }
            Kind::DropObject => plain(Look::DropObject, "drop thing"),
            Kind::CurrentFrames => plain(Look::CurrentFrames, "sys._current_frames()"),
            _ => None,
        }
    }

    fn tracing(&self, step: Step) -> Option<(Look, String)> {
        let is_live =
            |reference: &Reference, state: Option<State>| live(reference, state).is_some();
        let (state, name) = self.operand(step, is_live)?;
        let (by, verb) = if step.kind == Kind::EnterTracing {
            (1, "Enter")
        } else {
            (-1, "Leave")
        };
        let text = format!("PyThreadState_{verb}Tracing({name})");
        Some((Look::Tracing(state, by), text))
    }
}

fn set_tracer(step: Step) -> (Look, String) {
    let pick = usize::from(step.pick);
    let (which, word, [usual, fails, ends_badly]) = if step.pick.is_multiple_of(2) {
        let tools = [Tool::Traces, Tool::TraceFails, Tool::TraceEndsBadly];
        (Which::Trace, "Trace", tools)
    } else {
        let tools = [Tool::Profiles, Tool::ProfileFails, Tool::ProfileEndsBadly];
        (Which::Profile, "Profile", tools)
    };
    let tools = [
        Some(usual),
        Some(usual),
        Some(fails),
        Some(ends_badly),
        None,
    ];
    let tool = tools[pick / 2 % tools.len()];
    let all = step.kind == Kind::SetTracerAll;
    let threads = if all { "AllThreads" } else { "" };
    let name = tool.map_or("NULL", Tool::name);
    let text = format!("PyEval_Set{word}{threads}({name}, NULL)");
    (Look::SetTracer(which, tool, all), text)
}
