//! Configuration: the global flags, `PyConfig` and its fields, pre-initialization, and `Py_RunMain`.

use super::api::{self, Pointer, Status};
use super::callbacks::{packed, run};
use super::library::{release, symbol};
use super::{site, subinterpreters};
use crate::{child, record};
use std::ffi::{CStr, CString, c_char, c_int};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tstate::runtime::{Callback, Config, ConfigField, StatusError};

/// Bytes that are enough for the `PyConfig`, and the `PyPreConfig`, of every release.
const CONFIG_BYTES: usize = 4096;
const CONFIG_WORDS: usize = CONFIG_BYTES / size_of::<usize>();
/// What a `PyConfig` looks like in memory.
pub(super) type Memory = [usize; CONFIG_WORDS];

/// Where the fields of `PyConfig` lie, by minor release from 3.8 on, where pointers have 64 bits: `offsetof` of each release's
/// header. In the order of [`PLACED`].
const OFFSETS: [[usize; 16]; 8] = [
    [
        156, 172, 176, 224, 8, 160, 164, 4, 152, 188, 168, 184, 196, 180, 16, 356,
    ],
    [
        156, 172, 176, 224, 8, 160, 164, 4, 152, 188, 168, 184, 196, 180, 16, 364,
    ],
    [
        156, 176, 180, 232, 8, 164, 168, 4, 152, 192, 172, 188, 200, 184, 16, 380,
    ],
    [
        172, 192, 196, 256, 8, 180, 184, 4, 168, 208, 188, 204, 216, 200, 16, 412,
    ],
    [
        180, 200, 204, 268, 8, 188, 192, 4, 176, 216, 196, 212, 224, 208, 16, 420,
    ],
    [
        180, 200, 204, 272, 8, 188, 192, 4, 176, 216, 196, 212, 224, 208, 16, 436,
    ],
    [
        180, 200, 204, 280, 8, 188, 192, 4, 176, 216, 196, 212, 224, 208, 16, 444,
    ],
    [
        180, 200, 204, 284, 8, 188, 192, 4, 176, 216, 196, 212, 224, 208, 16, 444,
    ],
];

const PLACED: [ConfigField; 16] = [
    ConfigField::BytesWarning,
    ConfigField::ParserDebug,
    ConfigField::WriteBytecode,
    ConfigField::PathconfigWarnings,
    ConfigField::UseEnvironment,
    ConfigField::Inspect,
    ConfigField::Interactive,
    ConfigField::Isolated,
    ConfigField::SiteImport,
    ConfigField::UserSiteDirectory,
    ConfigField::OptimizationLevel,
    ConfigField::Quiet,
    ConfigField::BufferedStdio,
    ConfigField::Verbose,
    ConfigField::InstallSignalHandlers,
    ConfigField::InitMain,
];

/// The last status that was an exception, and how many there were.
static EXCEPTION: Mutex<(Option<Status>, usize)> = Mutex::new((None, 0));
/// What `Py_RunMain` runs.
static PROGRAM: AtomicUsize = AtomicUsize::new(0);

/// Where a field lies; a run is refused where that is not known.
fn offset(field: ConfigField) -> usize {
    let place = PLACED.iter().position(|placed| *placed == field);
    let offsets = OFFSETS.get(usize::from(release().minor.saturating_sub(8)));
    match (place, offsets) {
        (Some(place), Some(offsets)) if cfg!(target_pointer_width = "64") => offsets[place],
        _ => record::refuse(&format!(
            "not driven: where the field {} lies is not known",
            field.name()
        )),
    }
}

fn int_at(memory: &mut Memory, offset: usize) -> *mut c_int {
    let bytes: *mut u8 = memory.as_mut_ptr().cast();
    // SAFETY: every offset lies within the memory.
    unsafe { bytes.add(offset).cast() }
}

/// A `PyConfig` with the fields of `config`, and those that make a run quick, unless the scenario looks at the flags.
pub(super) fn filled(config: &Config) -> Memory {
    let mut memory = [0_usize; CONFIG_WORDS];
    let place: Pointer = memory.as_mut_ptr().cast();
    let isolated = config.value(ConfigField::Isolated) != 0;
    let defaults = if isolated {
        api::config_isolated(place);
        Config::isolated()
    } else {
        api::config_python(place);
        Config::python()
    };
    if isolated {
        keep_home();
    } else {
        set_arguments(place);
    }
    // SAFETY: the field lies within the memory and is an int.
    if unsafe { *int_at(&mut memory, offset(ConfigField::InitMain)) } != 1 {
        record::refuse("not driven: the fields of PyConfig lie elsewhere in this library");
    }
    let told = PLACED
        .iter()
        .filter(|&&field| config.value(field) != defaults.value(field))
        .map(|&field| (field, config.value(field)));
    let quick = [
        (ConfigField::SiteImport, site::is_wanted().into()),
        (ConfigField::WriteBytecode, 0),
        (ConfigField::UserSiteDirectory, 0),
    ];
    let quick = quick.into_iter().filter(|_| !child::names_flags());
    for (field, value) in quick.chain(told) {
        // SAFETY: as above.
        unsafe { *int_at(&mut memory, offset(field)) = value };
    }
    memory
}

/// `PyConfig_SetBytesArgv`, which pre-initializes.
fn set_arguments(config: Pointer) {
    let arguments = [c"python".as_ptr()];
    let status = api::config_arguments(config, arguments.len() as isize, arguments.as_ptr());
    if status.is_exception() {
        record::refuse("the library takes no arguments");
    }
}

/// A text as C's wide characters, terminated.
pub(super) fn wide(text: &str) -> Vec<i32> {
    text.chars()
        .map(|letter| letter as i32)
        .chain([0])
        .collect()
}

/// The library's home is said in the environment, which isolation ignores.
fn keep_home() {
    let Ok(home) = std::env::var("PYTHONHOME") else {
        return;
    };
    // The library may keep the pointer.
    api::set_home(wide(&home).leak().as_ptr());
}

/// Keeps a status that is an exception, for [`exit_status_exception`].
pub(super) fn noted(status: Status) -> Result<(), StatusError> {
    if !status.is_exception() {
        return Ok(());
    }
    if let Ok(mut exception) = EXCEPTION.lock() {
        *exception = (Some(status), exception.1 + 1);
    }
    // Which error it is only the library's own status says.
    Err(StatusError::NoConfig)
}

/// `Py_InitializeFromConfig`.
pub(super) fn initialize(config: Option<&Config>) -> Result<(), StatusError> {
    let Some(config) = config else {
        return noted(api::initialize_from_config(std::ptr::null_mut()));
    };
    let mut memory = filled(config);
    let place: Pointer = memory.as_mut_ptr().cast();
    let status = api::initialize_from_config(place);
    api::config_clear(place);
    noted(status)
}

/// `_Py_InitializeMain`.
pub(super) fn initialize_main() -> Result<(), StatusError> {
    noted(api::initialize_main())
}

/// `Py_PreInitialize`.
pub(super) fn preinitialize(configured: bool) -> Result<(), StatusError> {
    let mut memory = [0_usize; CONFIG_WORDS];
    let place: Pointer = memory.as_mut_ptr().cast();
    if !configured {
        return noted(api::preinitialize(std::ptr::null_mut()));
    }
    api::preconfig_python(place);
    noted(api::preinitialize(place))
}

/// `PyConfig_SetArgv`, by its sister for bytes.
pub(super) fn set_config_arguments() {
    let mut memory = [0_usize; CONFIG_WORDS];
    let place: Pointer = memory.as_mut_ptr().cast();
    api::config_python(place);
    set_arguments(place);
    api::config_clear(place);
}

/// `Py_ExitStatusException`.
pub(super) fn exit_status_exception(is_exception: bool) {
    let status = match EXCEPTION.lock() {
        Ok(mut exception) if is_exception => match (exception.0.take(), exception.1) {
            (Some(status), 1) => status,
            _ => record::refuse("not driven: which of several errors it is"),
        },
        _ => Status::OK,
    };
    api::exit_status_exception(status);
}

/// The address of a global flag.
fn flag(field: ConfigField) -> *mut c_int {
    if field == ConfigField::UseHashSeed {
        record::refuse("not driven: the seed of hashes is fixed in every run");
    }
    match field.flag().and_then(symbol) {
        Some(address) => address as *mut c_int,
        None => record::refuse("not driven: only Windows has this flag"),
    }
}

/// Reads a global flag.
pub(super) fn global_flag(field: ConfigField) -> i32 {
    // SAFETY: the flags are ints of the library.
    unsafe { flag(field).read_volatile() }
}

/// Writes a global flag.
pub(super) fn set_global_flag(field: ConfigField, value: i32) {
    if value != 0 && matches!(field, ConfigField::Isolated | ConfigField::UseEnvironment) {
        keep_home();
    }
    // SAFETY: as above.
    unsafe { flag(field).write_volatile(value) };
}

/// `Py_Initialize` of a scenario that names flags: nothing else is said.
pub(super) fn initialize_as_told() {
    api::initialize_ex(0);
}

/// Calls a function that returns a text and takes none, or one and a place for its length; whether there is a text.
pub(super) fn constant_text(name: &str) -> bool {
    let Some(address) = symbol(name) else {
        record::refuse(&format!("{name} is not in this library"));
    };
    let length: *mut usize = std::ptr::null_mut();
    // SAFETY: the functions of these names have these types in every release; those without parameters do not look at any.
    let text = unsafe {
        let function = std::mem::transmute::<
            usize,
            extern "C-unwind" fn(*const c_char, *mut usize) -> Pointer,
        >(address);
        function(c"text".as_ptr(), length)
    };
    !text.is_null()
}

/// `Py_SetProgramName` and `Py_SetPythonHome`: of the home, the one it has anyway.
pub(super) fn set_parameter(name: &str) {
    if name == "Py_SetPythonHome" {
        keep_home();
    } else {
        // The library keeps the pointer.
        api::set_program_name(wide("python").leak().as_ptr());
    }
}

/// Registers what `Py_RunMain` runs.
pub(super) fn at_main(program: Callback) {
    PROGRAM.store(packed(program) as usize, Ordering::Relaxed);
}

/// Gives the library a program on its standard input.
fn give_program(text: &CStr) {
    // SAFETY: the name is terminated; the descriptors are ours, and nobody reads standard input meanwhile.
    let given = unsafe {
        let file = libc::memfd_create(c"program".as_ptr(), 0);
        let length = text.count_bytes();
        let written = libc::write(file, text.as_ptr().cast(), length);
        written == length as isize
            && libc::lseek(file, 0, libc::SEEK_SET) == 0
            && libc::dup2(file, 0) == 0
    };
    if !given {
        record::refuse("not driven: no program can be given to the library");
    }
}

/// `Py_RunMain`. What it runs calls a function among the builtins.
pub(super) fn run_main() -> i32 {
    let program = PROGRAM.load(Ordering::Relaxed);
    if program == 0 || crate::sight::current() == 0 {
        give_program(c"");
    } else {
        subinterpreters::give_builtin();
        let text = format!("tstate_run({program})\n");
        give_program(&CString::new(text).unwrap_or_default());
    }
    api::run_main()
}

/// The import of `tstate_main`.
extern "C-unwind" fn make() -> Pointer {
    super::objects::begin();
    let result = run(PROGRAM.load(Ordering::Relaxed) as Pointer);
    if result == -1 {
        super::callbacks::raise();
        return std::ptr::null_mut();
    }
    site::empty_module()
}

/// `Py_BytesMain`. What it runs imports a module that is built in.
pub(super) fn main() -> i32 {
    if api::is_initialized() != 0 {
        record::refuse("not driven: Py_Main in an initialized library");
    }
    if PROGRAM.load(Ordering::Relaxed) == 0 {
        give_program(c"");
    } else {
        api::append_inittab(c"tstate_main".as_ptr(), make);
        give_program(c"import tstate_main\n");
    }
    let mut arguments = vec![c"python".as_ptr(), c"-s".as_ptr(), c"-B".as_ptr()];
    if !site::is_wanted() {
        arguments.push(c"-S".as_ptr());
    }
    let count = arguments.len() as c_int;
    arguments.push(std::ptr::null());
    api::bytes_main(count, arguments.as_ptr())
}
