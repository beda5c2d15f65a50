//! Values that a scenario's names stand for.

use crate::runtime::{
    CallbackId, Dictionary, Evaluator, GuardHandle, InterpreterHandle, ObjectId, StatusError,
    ThreadStateHandle, Token, TssHandle, ViewHandle,
};
use crate::sync::Word;

/// A value. Handles compare by identity; `NULL` is the number 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number, or the null pointer.
    Number(i64),
    /// A thread state, not null.
    ThreadState(ThreadStateHandle),
    /// An interpreter, not null.
    Interpreter(InterpreterHandle),
    /// A Python object.
    Object(u16),
    /// A function.
    Callback(u8),
    /// The dictionary of an interpreter or a thread state, not null.
    Dictionary(Dictionary),
    /// A string.
    Text(u16),
    /// A `PyMutex`.
    PyMutex(u16),
    /// A native mutex.
    Mutex(u16),
    /// A `PyStatus` that is an exception, by the word of its [`StatusError`].
    Status(u16),
    /// A guard of an interpreter, not null.
    Guard(GuardHandle),
    /// A view of an interpreter, not null.
    View(ViewHandle),
    /// The token that stands for no thread state.
    NoState,
    /// A key of thread-specific storage, not null.
    TssKey(TssHandle),
    /// A frame; which one is not told apart.
    Frame,
    /// The name is not bound yet.
    Unbound,
}

impl Value {
    /// The null pointer.
    pub const NULL: Self = Self::Number(0);

    /// `_PyEval_EvalFrameDefault`, which is no callback of the scenario.
    pub const EVAL_FRAME_DEFAULT: Self = Self::Callback(u8::MAX);

    /// The value as a number; handles and functions count as true.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Number(number) => number,
            Self::Unbound => 0,
            Self::ThreadState(_)
            | Self::Interpreter(_)
            | Self::Object(_)
            | Self::Callback(_)
            | Self::Dictionary(_)
            | Self::Text(_)
            | Self::PyMutex(_)
            | Self::Status(_)
            | Self::Guard(_)
            | Self::View(_)
            | Self::NoState
            | Self::TssKey(_)
            | Self::Mutex(_)
            | Self::Frame => 1,
        }
    }

    /// The thread state, or null.
    #[must_use]
    pub fn thread_state(self) -> ThreadStateHandle {
        if let Self::ThreadState(handle) = self {
            handle
        } else {
            ThreadStateHandle::NULL
        }
    }

    /// The error of a `PyStatus`, if it is one.
    #[must_use]
    pub fn status_error(self) -> Option<StatusError> {
        if let Self::Status(error) = self {
            Some(StatusError::from_word(u64::from(error)))
        } else {
            None
        }
    }

    /// The guard, or null.
    #[must_use]
    pub fn guard(self) -> GuardHandle {
        if let Self::Guard(handle) = self {
            handle
        } else {
            GuardHandle::NULL
        }
    }

    /// The view, or null.
    #[must_use]
    pub fn view(self) -> ViewHandle {
        if let Self::View(handle) = self {
            handle
        } else {
            ViewHandle::NULL
        }
    }

    /// The token of an Ensure.
    #[must_use]
    pub fn token(self) -> Token {
        if let Self::ThreadState(handle) = self {
            Token::State(handle)
        } else if self == Self::NoState {
            Token::NoState
        } else {
            Token::Null
        }
    }

    /// The key, or null.
    #[must_use]
    pub fn tss_key(self) -> TssHandle {
        if let Self::TssKey(handle) = self {
            handle
        } else {
            TssHandle::NULL
        }
    }

    /// The function, or null.
    #[must_use]
    pub fn function(self) -> Option<CallbackId> {
        if let Self::Callback(body) = self {
            Some(CallbackId(u16::from(body)))
        } else {
            None
        }
    }

    /// The object, or null.
    #[must_use]
    pub fn object(self) -> Option<ObjectId> {
        if let Self::Object(index) = self {
            Some(ObjectId::new(usize::from(index)))
        } else {
            None
        }
    }

    /// The function that evaluates frames.
    #[must_use]
    pub fn evaluator(self) -> Evaluator {
        match self.function() {
            Some(_) if self == Self::EVAL_FRAME_DEFAULT => Evaluator::Default,
            Some(function) => Evaluator::Own(function),
            None => Evaluator::Null,
        }
    }

    /// The interpreter, or null.
    #[must_use]
    pub fn interpreter(self) -> InterpreterHandle {
        if let Self::Interpreter(handle) = self {
            handle
        } else {
            InterpreterHandle::NULL
        }
    }
}

impl From<Result<(), StatusError>> for Value {
    fn from(status: Result<(), StatusError>) -> Self {
        match status {
            Ok(()) => Self::NULL,
            Err(error) => Self::Status(error.to_word() as u16),
        }
    }
}

impl From<Option<CallbackId>> for Value {
    fn from(function: Option<CallbackId>) -> Self {
        function.map_or(Self::NULL, |CallbackId(id)| Self::Callback(id as u8))
    }
}

impl From<Option<ObjectId>> for Value {
    fn from(object: Option<ObjectId>) -> Self {
        object.map_or(Self::NULL, |object| Self::Object(object.index() as u16))
    }
}

impl From<Evaluator> for Value {
    fn from(evaluator: Evaluator) -> Self {
        match evaluator {
            Evaluator::Null => Self::NULL,
            Evaluator::Default => Self::EVAL_FRAME_DEFAULT,
            Evaluator::Own(function) => Some(function).into(),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Number(i64::from(value))
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Number(i64::from(value))
    }
}

impl From<ThreadStateHandle> for Value {
    fn from(handle: ThreadStateHandle) -> Self {
        if handle.is_null() {
            Self::NULL
        } else {
            Self::ThreadState(handle)
        }
    }
}

impl From<InterpreterHandle> for Value {
    fn from(handle: InterpreterHandle) -> Self {
        if handle.is_null() {
            Self::NULL
        } else {
            Self::Interpreter(handle)
        }
    }
}

impl From<GuardHandle> for Value {
    fn from(handle: GuardHandle) -> Self {
        if handle.is_null() {
            Self::NULL
        } else {
            Self::Guard(handle)
        }
    }
}

impl From<ViewHandle> for Value {
    fn from(handle: ViewHandle) -> Self {
        if handle.is_null() {
            Self::NULL
        } else {
            Self::View(handle)
        }
    }
}

impl From<Token> for Value {
    fn from(token: Token) -> Self {
        match token {
            Token::Null => Self::NULL,
            Token::NoState => Self::NoState,
            Token::State(handle) => handle.into(),
        }
    }
}

impl From<TssHandle> for Value {
    fn from(handle: TssHandle) -> Self {
        if handle.is_null() {
            Self::NULL
        } else {
            Self::TssKey(handle)
        }
    }
}

impl From<Dictionary> for Value {
    fn from(dictionary: Dictionary) -> Self {
        match dictionary {
            Dictionary::None => Self::NULL,
            Dictionary::Interpreter(_) | Dictionary::ThreadState(_) => Self::Dictionary(dictionary),
        }
    }
}

/// Bits below the tag: a word fits the argument of a runtime callback.
const PAYLOAD_BITS: u32 = 42;
const PAYLOAD: u64 = (1 << PAYLOAD_BITS) - 1;

impl Word for Value {
    fn to_word(self) -> u64 {
        let (tag, payload) = match self {
            Self::Number(number) => (0, number.cast_unsigned() & PAYLOAD),
            Self::ThreadState(handle) => (1, handle.to_word()),
            Self::Interpreter(handle) => (2, handle.to_word()),
            Self::Object(index) => (3, u64::from(index)),
            Self::Callback(index) => (4, u64::from(index)),
            Self::Text(index) => (5, u64::from(index)),
            Self::PyMutex(index) => (6, u64::from(index)),
            Self::Mutex(index) => (7, u64::from(index)),
            Self::Unbound => (8, 0),
            Self::Status(error) => (15, u64::from(error) + 1),
            Self::Frame => (8, 1),
            Self::Dictionary(Dictionary::Interpreter(handle)) => (9, handle.to_word()),
            Self::Dictionary(Dictionary::ThreadState(handle)) => (10, handle.to_word()),
            Self::Dictionary(Dictionary::None) => (0, 0),
            Self::Guard(handle) => (11, handle.to_word()),
            Self::View(handle) => (12, handle.to_word()),
            Self::NoState => (13, 0),
            Self::TssKey(handle) => (14, handle.to_word()),
        };
        tag << PAYLOAD_BITS | payload
    }

    fn from_word(word: u64) -> Self {
        let payload = word & PAYLOAD;
        match word >> PAYLOAD_BITS {
            0 => {
                Self::Number((payload << (64 - PAYLOAD_BITS)).cast_signed() >> (64 - PAYLOAD_BITS))
            }
            1 => Self::ThreadState(Word::from_word(payload)),
            2 => Self::Interpreter(Word::from_word(payload)),
            3 => Self::Object(payload as u16),
            4 => Self::Callback(payload as u8),
            5 => Self::Text(payload as u16),
            6 => Self::PyMutex(payload as u16),
            7 => Self::Mutex(payload as u16),
            15 => Self::Status(payload.saturating_sub(1) as u16),
            8 if payload == 1 => Self::Frame,
            9 => Self::Dictionary(Dictionary::Interpreter(Word::from_word(payload))),
            10 => Self::Dictionary(Dictionary::ThreadState(Word::from_word(payload))),
            11 => Self::Guard(Word::from_word(payload)),
            12 => Self::View(Word::from_word(payload)),
            13 => Self::NoState,
            14 => Self::TssKey(Word::from_word(payload)),
            _ => Self::Unbound,
        }
    }
}
