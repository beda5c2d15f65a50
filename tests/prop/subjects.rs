//! What a sequence is about besides thread states and interpreters: steps of a subject, and short stories of it.

use crate::script::Kind;
use proptest::collection::vec;
use proptest::prelude::{Just, prop_oneof};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Strategy};

/// A step, or the next thread's turn.
pub(crate) type Move = Option<Kind>;

/// What a sequence is about besides.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    Nothing,
    Keys,
    Guards,
    Checks,
    Queues,
    Hooks,
    Configuration,
}

const OF_KEYS: &[Kind] = &[
    Kind::TssCreate,
    Kind::TssCreate,
    Kind::TssSet,
    Kind::TssSet,
    Kind::TssGet,
    Kind::TssGet,
    Kind::TssDelete,
    Kind::TssIsCreated,
];
const OF_GUARDS: &[Kind] = &[
    Kind::GuardOfCurrent,
    Kind::ThreadEnsure,
    Kind::ThreadEnsureFromView,
    Kind::ThreadRelease,
    Kind::ThreadRelease,
    Kind::GuardClose,
];
const OF_CHECKS: &[Kind] = &[
    Kind::SetAsync,
    Kind::SetAsync,
    Kind::AtSignal,
    Kind::Signal,
    Kind::Signal,
    Kind::CheckSignals,
    Kind::Eval,
    Kind::Eval,
    Kind::MakePending,
];
const OF_QUEUES: &[Kind] = &[
    Kind::AddOwn,
    Kind::AddOwn,
    Kind::AddOwn,
    Kind::AddPending,
    Kind::Eval,
    Kind::Eval,
    Kind::MakePending,
];
const OF_HOOKS: &[Kind] = &[
    Kind::SetTracer,
    Kind::SetTracer,
    Kind::SetTracer,
    Kind::SetTracerAll,
    Kind::EnterTracing,
    Kind::LeaveTracing,
    Kind::AddHook,
    Kind::Audit,
    Kind::SetEvaluator,
    Kind::GetEvaluator,
    Kind::AllocHook,
    Kind::SetRefTracer,
    Kind::GetRefTracer,
    Kind::NewObject,
    Kind::DropObject,
    Kind::CurrentFrames,
    Kind::Eval,
    Kind::Eval,
    Kind::Eval,
];
const OF_CONFIGURATION: &[Kind] = &[
    Kind::SetFlag,
    Kind::SetFlag,
    Kind::ReadFlag,
    Kind::ReadFlag,
    Kind::ReadFlag,
    Kind::ReadFlag,
    Kind::PreInitialize,
    Kind::InitializeFrom,
    Kind::InitializeMain,
    Kind::Text,
    Kind::EncodeLocale,
    Kind::SetArgv,
    Kind::ThreadsInitialized,
    Kind::Finalize,
    Kind::Initialize,
];

/// Steps of one thread, one after the other.
fn told(kinds: &[Kind]) -> Vec<Move> {
    kinds.iter().copied().map(Some).collect()
}

fn stories_of_checks() -> Vec<Vec<Move>> {
    vec![
        told(&[Kind::SetAsync, Kind::Clear, Kind::Eval]),
        told(&[Kind::AtSignal, Kind::Signal, Kind::Eval, Kind::Eval]),
        told(&[
            Kind::AtSignal,
            Kind::Signal,
            Kind::BeforeFork,
            Kind::Fork,
            Kind::AfterFork,
            Kind::CheckSignals,
        ]),
        told(&[Kind::NewInterpreter, Kind::SetAsync, Kind::Eval, Kind::Swap]),
        vec![
            Some(Kind::Save),
            None,
            Some(Kind::Ensure),
            Some(Kind::Save),
            None,
            Some(Kind::Restore),
            Some(Kind::SetAsync),
            Some(Kind::SetAsync),
            Some(Kind::SetAsync),
            Some(Kind::Eval),
            Some(Kind::Save),
            None,
            Some(Kind::Restore),
            Some(Kind::Eval),
        ],
    ]
}

fn stories_of_queues() -> Vec<Vec<Move>> {
    vec![
        told(&[Kind::FillOwn, Kind::AddOwn, Kind::Eval, Kind::Eval]),
        told(&[Kind::FillOwn, Kind::FillOwn, Kind::AddOwn]),
        told(&[Kind::AddPending, Kind::Finalize]),
        told(&[Kind::AddOwn, Kind::AddPending, Kind::AddOwn, Kind::Eval]),
        told(&[Kind::AddOwn, Kind::Save, Kind::Restore, Kind::Eval]),
        told(&[
            Kind::NewInterpreter,
            Kind::AddOwn,
            Kind::Eval,
            Kind::Swap,
            Kind::Eval,
        ]),
    ]
}

fn stories_of_hooks() -> Vec<Vec<Move>> {
    vec![
        told(&[Kind::SetTracer, Kind::SetTracer, Kind::Eval]),
        told(&[Kind::SetTracer, Kind::Clear, Kind::Eval]),
        told(&[Kind::SetTracer, Kind::AddPending, Kind::Eval]),
        told(&[Kind::AddPending, Kind::Eval, Kind::Eval]),
        told(&[Kind::AddHook, Kind::AddHook, Kind::SetTracer, Kind::Eval]),
        told(&[Kind::AddHook, Kind::NewInterpreter]),
        told(&[Kind::AddHook, Kind::AddHook, Kind::NewInterpreter]),
        told(&[Kind::NewObject, Kind::SetRefTracer, Kind::Finalize]),
        told(&[
            Kind::SetEvaluator,
            Kind::Eval,
            Kind::NewInterpreter,
            Kind::Eval,
        ]),
        told(&[Kind::SetRefTracer, Kind::NewObject, Kind::DropObject]),
        told(&[Kind::SetRefTracer, Kind::SetRefTracer, Kind::GetRefTracer]),
        told(&[Kind::AddHook, Kind::AddHook, Kind::Audit]),
        told(&[
            Kind::SetRefTracer,
            Kind::SetEvaluator,
            Kind::AddHook,
            Kind::Finalize,
            Kind::Initialize,
            Kind::GetRefTracer,
            Kind::Audit,
            Kind::Eval,
        ]),
        told(&[Kind::New, Kind::SetTracerAll, Kind::Swap, Kind::Eval]),
        told(&[Kind::New, Kind::SetTracerAll, Kind::Swap, Kind::Eval]),
    ]
}

fn stories_of_configuration() -> Vec<Vec<Move>> {
    vec![
        told(&[
            Kind::Finalize,
            Kind::InitializeFrom,
            Kind::Signal,
            Kind::Eval,
        ]),
        told(&[Kind::Save, Kind::InitializeFrom]),
        told(&[Kind::Finalize, Kind::PreInitialize, Kind::IsFinalizing]),
        told(&[Kind::Finalize, Kind::PreInitialize, Kind::Check]),
        told(&[
            Kind::Finalize,
            Kind::InitializeFrom,
            Kind::ReadFlag,
            Kind::ReadFlag,
        ]),
        told(&[
            Kind::SetFlag,
            Kind::Finalize,
            Kind::Initialize,
            Kind::ReadFlag,
        ]),
        vec![
            Some(Kind::Finalize),
            Some(Kind::PreInitialize),
            None,
            Some(Kind::Initialize),
            Some(Kind::AddPending),
            Some(Kind::Eval),
        ],
    ]
}

impl Subject {
    /// What only one release has is looked for there.
    pub(crate) fn release(self, minor: u8) -> u8 {
        if matches!(self, Self::Guards) {
            15
        } else {
            minor
        }
    }

    /// Steps, by their weights.
    fn steps(self) -> &'static [Kind] {
        match self {
            Self::Nothing => &[],
            Self::Keys => OF_KEYS,
            Self::Guards => OF_GUARDS,
            Self::Checks => OF_CHECKS,
            Self::Queues => OF_QUEUES,
            Self::Hooks => OF_HOOKS,
            Self::Configuration => OF_CONFIGURATION,
        }
    }

    /// What hardly comes about by chance.
    fn stories(self) -> Vec<Vec<Move>> {
        match self {
            Self::Nothing | Self::Guards => Vec::new(),
            Self::Keys => vec![told(&[
                Kind::TssCreate,
                Kind::TssSet,
                Kind::Finalize,
                Kind::TssGet,
            ])],
            Self::Checks => stories_of_checks(),
            Self::Queues => stories_of_queues(),
            Self::Hooks => stories_of_hooks(),
            Self::Configuration => stories_of_configuration(),
        }
    }

    /// Its moves, among all others.
    pub(crate) fn moves(
        self,
        others: impl Strategy<Value = Vec<Kind>> + 'static,
    ) -> BoxedStrategy<Vec<Move>> {
        let moves = |kinds: Vec<Kind>| -> Vec<Move> { kinds.into_iter().map(Some).collect() };
        let others = others.prop_map(moves);
        let (steps, stories) = (self.steps(), self.stories());
        if steps.is_empty() {
            return others.boxed();
        }
        let steps = vec(select(steps), 1..4).prop_map(moves);
        if stories.is_empty() {
            return prop_oneof![6 => others, 4 => steps].boxed();
        }
        prop_oneof![6 => others, 3 => steps, 1 => select(stories)].boxed()
    }
}

/// Subjects, by their weights.
pub(crate) fn subjects() -> impl Strategy<Value = Subject> {
    prop_oneof![
        4 => Just(Subject::Nothing),
        1 => Just(Subject::Keys),
        1 => Just(Subject::Guards),
        2 => Just(Subject::Checks),
        2 => Just(Subject::Queues),
        2 => Just(Subject::Hooks),
        2 => Just(Subject::Configuration),
    ]
}
