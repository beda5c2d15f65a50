//! What has no function of its own in the C API: bytecode, objects, Python's modules.
//!
//! An object is a capsule, whose destructor is its finalizer without any bytecode; a cyclic one is a list that holds
//! itself and the capsule. `__main__` holds them, so that one never dropped dies in module teardown.

use super::api::{self, Pointer};
use super::callbacks::{CAPSULE, callable, dropped, kept, packed, thread_callable};
use super::frames::{evaluating, importing};
use super::injected::{Making, during};
use super::library::symbol;
use crate::layer::names_next;
use crate::record;
use crate::sight;
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicUsize, Ordering};
use tstate::runtime::{Callback, Daemon, ObjectKind};
use tstate::sim::scenario::calls::Call;
use tstate::sync::{Branch, THREADS_MAX};

/// Objects of a scenario.
const OBJECTS_MAX: usize = 64;
/// `Py_eval_input`
const EVAL_INPUT: i32 = 258;
/// `Py_file_input`
const FILE_INPUT: i32 = 257;

/// The names of `__main__`, in this life of the library.
static GLOBALS: AtomicUsize = AtomicUsize::new(0);
/// A code object that does nothing: running it looks at the eval breaker once.
static CODE: AtomicUsize = AtomicUsize::new(0);
static OBJECTS: [AtomicUsize; OBJECTS_MAX] = [const { AtomicUsize::new(0) }; OBJECTS_MAX];
/// Those that were seen made and not yet destroyed.
static ALIVE: [AtomicUsize; OBJECTS_MAX] = [const { AtomicUsize::new(0) }; OBJECTS_MAX];
static THREADS: [AtomicUsize; THREADS_MAX] = [const { AtomicUsize::new(0) }; THREADS_MAX];
/// `threading.Thread` of the main interpreter in this life of the library, once somebody imported it: as for code that imported it in time, it is
/// there while modules are torn down.
static THREAD_CLASS: AtomicUsize = AtomicUsize::new(0);
/// `os.fork` of this life of the library, where the scenario forks: it is there while modules are torn down.
static FORK: AtomicUsize = AtomicUsize::new(0);
static CLEARS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Which object of the scenario is made next.
    static MAKING: Cell<Option<usize>> = const { Cell::new(None) };
}

/// A life of the library begins; the caller is attached.
pub(super) fn begin() {
    let main = api::import_add(c"__main__".as_ptr());
    GLOBALS.store(api::module_dict(main) as usize, Ordering::Relaxed);
    CODE.store(empty_code() as usize, Ordering::Relaxed);
    THREAD_CLASS.store(0, Ordering::Relaxed);
}

/// The text that an expression gives.
pub(super) fn text_of(expression: &CStr) -> Option<String> {
    let code = api::compile(expression.as_ptr(), c"<text>".as_ptr(), EVAL_INPUT);
    let result = api::eval_code(code, globals(), globals());
    if result.is_null() {
        api::error_clear();
        return None;
    }
    let text = api::text(result);
    // SAFETY: the library's text is terminated and lives as long as its object, of which a reference is held.
    let text = (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
    text.map(|text| text.to_string_lossy().into_owned())
}

/// Whether the calling thread is attached to the main interpreter, or to none.
pub(super) fn in_main() -> bool {
    sight::current() == 0 || api::interpreter() == api::interpreter_main()
}

/// The names of `__main__` in the current interpreter.
fn globals() -> Pointer {
    if in_main() {
        GLOBALS.load(Ordering::Relaxed) as Pointer
    } else {
        api::module_dict(api::import_add(c"__main__".as_ptr()))
    }
}

fn empty_code() -> Pointer {
    api::compile(c"".as_ptr(), c"<eval>".as_ptr(), FILE_INPUT)
}

/// Drops a result: whether there was one, and no exception.
pub(super) fn succeeded(result: Pointer) -> bool {
    if result.is_null() {
        api::error_clear();
        return false;
    }
    api::decrease(result);
    true
}

/// One boundary of bytecode: 0, or -1 if an exception ended it.
pub(super) fn eval() -> i32 {
    // No interpreter runs another one's objects.
    let own = (!in_main()).then(empty_code);
    let code = own.unwrap_or(CODE.load(Ordering::Relaxed) as Pointer);
    let result = evaluating(|| api::eval_code(code, globals(), globals()));
    if let Some(own) = own {
        api::decrease(own);
    }
    if succeeded(result) { 0 } else { -1 }
}

/// A function of C that scenarios call by bytecode: where it is, and where it is kept in this life of the library.
pub(super) struct Native {
    module: &'static CStr,
    name: &'static CStr,
    kept: AtomicUsize,
}

impl Native {
    const fn new(module: &'static CStr, name: &'static CStr) -> Self {
        Self {
            module,
            name,
            kept: AtomicUsize::new(0),
        }
    }

    /// Looks it up; the caller is attached.
    pub(super) fn keep(&self) {
        let found = attribute(self.module, self.name);
        self.kept
            .store(found.map_or(0, |found| found as usize), Ordering::Relaxed);
    }

    /// Calls it in a frame of the scenario's own: 0, or -1 if it raises.
    pub(super) fn call(&self) -> i32 {
        let function = if in_main() {
            self.kept.load(Ordering::Relaxed) as Pointer
        } else {
            attribute(self.module, self.name).unwrap_or(std::ptr::null_mut())
        };
        if function.is_null() {
            return -1;
        }
        let code = api::compile(c"f()".as_ptr(), c"<eval>".as_ptr(), FILE_INPUT);
        let locals = api::dict();
        api::dict_set(locals, c"f".as_ptr(), function);
        let result = evaluating(|| api::eval_code(code, globals(), locals));
        let done = succeeded(result);
        for object in [code, locals] {
            api::decrease(object);
        }
        if done { 0 } else { -1 }
    }
}

/// `sys._current_frames`
pub(super) static CURRENT_FRAMES: Native = Native::new(c"sys", c"_current_frames");
/// `tracemalloc.start`
pub(super) static TRACEMALLOC_START: Native = Native::new(c"_tracemalloc", c"start");
/// `tracemalloc.stop`
pub(super) static TRACEMALLOC_STOP: Native = Native::new(c"_tracemalloc", c"stop");

fn name_of(what: &str, index: usize) -> CString {
    CString::new(format!("tstate_{what}_{index}")).unwrap_or_default()
}

fn slot(index: usize) -> &'static AtomicUsize {
    match OBJECTS.get(index) {
        Some(slot) => slot,
        None => record::refuse("more than 64 objects"),
    }
}

/// A capsule that runs the callback when it dies.
fn capsule(finalizer: Option<Callback>) -> Pointer {
    match finalizer {
        Some(callback) => api::capsule(packed(callback), CAPSULE.as_ptr(), dropped),
        None => api::capsule(usize::MAX as Pointer, CAPSULE.as_ptr(), kept),
    }
}

/// Makes an object.
pub(super) fn new(index: usize, kind: ObjectKind) {
    let finalizer = kind.finalizer.map(|id| Callback::new(id, 0));
    MAKING.set(Some(index).filter(|_| !kind.cyclic));
    let inner = during(Making::Object, || capsule(finalizer));
    let object = if kind.cyclic {
        MAKING.set(Some(index));
        let list = api::list(0);
        api::list_append(list, list);
        api::list_append(list, inner);
        api::decrease(inner);
        list
    } else {
        inner
    };
    MAKING.set(None);
    slot(index).store(object as usize, Ordering::Relaxed);
    api::dict_set(globals(), name_of("object", index).as_ptr(), object);
    api::decrease(object);
}

/// The object itself.
pub(super) fn pointer(index: usize) -> Pointer {
    slot(index).load(Ordering::Relaxed) as Pointer
}

/// The library tells that this was made: which object of the scenario it is, if it is one.
pub(super) fn made(object: Pointer) -> Option<usize> {
    let index = MAKING.replace(None)?;
    slot(index).store(object as usize, Ordering::Relaxed);
    ALIVE[index].store(object as usize, Ordering::Relaxed);
    Some(index)
}

/// The library tells that this is destroyed: which object of the scenario it is, if it is one.
pub(super) fn destroyed(object: Pointer) -> Option<usize> {
    let alive = ALIVE.iter();
    let index = alive
        .map(|alive| alive.load(Ordering::Relaxed))
        .position(|alive| alive == object as usize)?;
    ALIVE[index].store(0, Ordering::Relaxed);
    Some(index)
}

/// Looks the object's type up.
pub(super) fn touch(index: usize) {
    api::decrease(api::type_of(slot(index).load(Ordering::Relaxed) as Pointer));
}

/// Drops the last reference to the object that anybody can name.
pub(super) fn drop_object(index: usize) {
    if api::dict_delete(globals(), name_of("object", index).as_ptr()) != 0 {
        api::error_clear();
    }
}

pub(super) fn attribute(module: &CStr, name: &CStr) -> Option<Pointer> {
    let module = api::import(module.as_ptr());
    if module.is_null() {
        api::error_clear();
        return None;
    }
    let found = api::attribute(module, name.as_ptr());
    api::decrease(module);
    if found.is_null() {
        api::error_clear();
        return None;
    }
    Some(found)
}

/// Calls a function of a module, which gets the references to its arguments: 0, or -1 if it raises or is not there.
pub(super) fn call_function<const COUNT: usize>(
    module: &CStr,
    name: &CStr,
    given: [Pointer; COUNT],
) -> i32 {
    let arguments = api::tuple(COUNT as isize);
    for (place, argument) in (0..).zip(given) {
        api::tuple_set(arguments, place, argument);
    }
    let done = attribute(module, name).is_some_and(|function| {
        let done = succeeded(api::call(function, arguments, std::ptr::null_mut()));
        api::decrease(function);
        done
    });
    api::decrease(arguments);
    if done { 0 } else { -1 }
}

/// Calls a method without arguments: whether it succeeded.
fn call_method(object: Pointer, name: &CStr) -> bool {
    let method = api::attribute(object, name.as_ptr());
    if method.is_null() {
        api::error_clear();
        return false;
    }
    let arguments = api::tuple(0);
    let result = api::call(method, arguments, std::ptr::null_mut());
    let done = succeeded(result);
    api::decrease(arguments);
    api::decrease(method);
    done
}

/// `atexit.register`: 0, or -1.
pub(super) fn at_exit_python(callback: Callback) -> i32 {
    call_function(c"atexit", c"register", [callable(callback)])
}

/// `os.register_at_fork`: whether it succeeded.
pub(super) fn register_at_fork(hooks: [(&CStr, Callback); 3]) -> bool {
    let Some(register) = attribute(c"posix", c"register_at_fork") else {
        return false;
    };
    let (arguments, names) = (api::tuple(0), api::dict());
    for (name, hook) in hooks {
        if hook.id().is_some() {
            let function = callable(hook);
            api::dict_set(names, name.as_ptr(), function);
            api::decrease(function);
        }
    }
    let done = succeeded(api::call(register, arguments, names));
    for object in [arguments, names, register] {
        api::decrease(object);
    }
    done
}

/// Keeps `os.fork` for a life of the library; the caller is attached.
pub(super) fn keep_fork() {
    let fork = attribute(c"posix", c"fork");
    FORK.store(fork.map_or(0, |fork| fork as usize), Ordering::Relaxed);
}

/// `os.fork()`, between two boundaries of bytecode: which process the run goes on as, or nothing if it raises.
pub(super) fn os_fork() -> Option<Branch> {
    if eval() != 0 {
        return None;
    }
    let fork = FORK.load(Ordering::Relaxed) as Pointer;
    if fork.is_null() {
        return None;
    }
    let arguments = api::tuple(0);
    let generation = crate::child::generation();
    let done = succeeded(api::call(fork, arguments, std::ptr::null_mut()));
    api::decrease(arguments);
    if !done {
        return None;
    }
    let _unraisable = eval();
    Some(if crate::child::generation() > generation {
        Branch::Child
    } else {
        Branch::Parent
    })
}

/// The dictionary of a thread state that is not the current one. 3.8 has no function for it, but there the current one
/// is just a pointer.
fn dict_of(owner: Pointer) -> Pointer {
    if symbol("_PyThreadState_GetDict").is_some() {
        return api::thread_state_dict_of(owner);
    }
    let current = api::thread_state_swap(owner);
    let dict = api::thread_state_dict();
    api::thread_state_swap(current);
    dict
}

/// Puts what runs a callback when it dies into a thread state's dictionary.
pub(super) fn at_clear(owner: Pointer, callback: Callback) -> bool {
    let dict = if owner as usize == sight::current() {
        api::thread_state_dict()
    } else {
        dict_of(owner)
    };
    dies_with(dict, callback)
}

/// Puts what runs a callback when it dies into an interpreter's dictionary.
pub(super) fn at_interpreter_clear(owner: Pointer, callback: Callback) -> bool {
    dies_with(api::interpreter_dict(owner), callback)
}

/// Puts what runs a callback when it dies into a dictionary; whether there is one.
fn dies_with(dict: Pointer, callback: Callback) -> bool {
    if dict.is_null() {
        return false;
    }
    let object = capsule(Some(callback));
    let name = name_of("clear", CLEARS.fetch_add(1, Ordering::Relaxed));
    api::dict_set(dict, name.as_ptr(), object);
    api::decrease(object);
    true
}

/// `import threading`: 0, or -1 if it raises.
pub(super) fn import_threading() -> i32 {
    let class = importing("threading", || attribute(c"threading", c"Thread"));
    let Some(class) = class else {
        return -1;
    };
    if in_main() && THREAD_CLASS.load(Ordering::Relaxed) == 0 {
        THREAD_CLASS.store(class as usize, Ordering::Relaxed);
    } else {
        api::decrease(class);
    }
    0
}

/// `import NAME`: 0, or -1 if it raises.
pub(super) fn import(name: &str) -> i32 {
    let written = CString::new(name).unwrap_or_default();
    let imported = importing(name, || succeeded(api::import(written.as_ptr())));
    if imported {
        return 0;
    }
    if crate::child::calls(Call::AddAuditHook) {
        // A hook may have refused it.
        return -1;
    }
    if api::is_finalizing() == 0 {
        record::refuse(&format!("the module {name} cannot be imported"));
    }
    -1
}

/// `threading.Thread` of the current interpreter, imported if nobody has. In a sub-interpreter it is that module's to keep.
fn thread_class() -> Option<Pointer> {
    if !in_main() {
        let class = importing("threading", || attribute(c"threading", c"Thread"))?;
        api::decrease(class);
        return Some(class);
    }
    if THREAD_CLASS.load(Ordering::Relaxed) == 0 && import_threading() != 0 {
        return None;
    }
    Some(THREAD_CLASS.load(Ordering::Relaxed) as Pointer)
}

/// `threading.Thread(target=…, daemon=…).start()`: 0, or -1 if it raises.
pub(super) fn start(thread: usize, daemon: Daemon) -> i32 {
    let Some(class) = thread_class() else {
        // The import system is torn down already.
        return -1;
    };
    let (arguments, names) = (api::tuple(0), api::dict());
    let target = thread_callable(thread);
    let is_daemon = api::boolean((daemon == Daemon::Yes).into());
    api::dict_set(names, c"target".as_ptr(), target);
    api::dict_set(names, c"daemon".as_ptr(), is_daemon);
    let made = api::call(class, arguments, names);
    for object in [arguments, names, target, is_daemon] {
        api::decrease(object);
    }
    if made.is_null() {
        api::error_clear();
        return -1;
    }
    THREADS[thread].store(made as usize, Ordering::Relaxed);
    names_next(Some(thread as u8));
    let started = call_method(made, c"start");
    names_next(None);
    if started { 0 } else { -1 }
}

/// `Thread.join()`: 0, or -1 if it raises.
pub(super) fn join(thread: usize) -> i32 {
    let object = THREADS[thread].load(Ordering::Relaxed) as Pointer;
    if object.is_null() || !call_method(object, c"join") {
        return -1;
    }
    0
}
