//! Initialization, finalization, exit hooks.

use super::Parameter::{Callback, In};
use super::Type::{Config, Int, Interpreter, Pointer, PreConfig, Status, Text, Void};
use super::row::{core, data, surface};
use super::{Call, Row};

pub(super) const ROWS: &[Row] = &[
    core("Py_Initialize", &[], Void)
        .says("initializes the runtime and attaches its first thread state; `Py_InitializeEx(1)`")
        .runs(Call::Initialize),
    core("Py_InitializeEx", &[In(Int)], Void)
        .says("initializes the runtime, with signal handlers unless the argument is 0; nothing if it is initialized")
        .runs(Call::InitializeEx),
    core("Py_InitializeFromConfig", &[In(Config)], Status)
        .says("initializes the runtime from a configuration; on error nothing is undone")
        .runs(Call::InitializeFromConfig),
    data("Py_IsInitialized", &[], Int)
        .says("whether the runtime is initialized; 0 again inside finalization, before module teardown")
        .runs(Call::IsInitialized),
    data("Py_IsFinalizing", &[], Int)
        .alias(&["_Py_IsFinalizing"])
        .says("whether finalization is past its mark; stays 1 until the next initialization")
        .runs(Call::IsFinalizing),
    core("Py_FinalizeEx", &[], Int)
        .blocks()
        .says("finalizes the runtime: joins threads, runs exit hooks, bars the others, tears down; 0 or -1")
        .runs(Call::FinalizeEx),
    core("Py_Finalize", &[], Void)
        .blocks()
        .says("`Py_FinalizeEx()` without its result")
        .runs(Call::Finalize),
    core("Py_Exit", &[In(Int)], Void)
        .blocks()
        .says("finalizes and ends the process; it does not return")
        .runs(Call::Exit),
    data("Py_AtExit", &[Callback(0)], Int)
        .says("runs a C callback after everything else, last registered first; -1 when 32 are registered")
        .runs(Call::AtExit),
    core("PyUnstable_AtExit", &[In(Interpreter), Callback(1), In(Pointer)], Int)
        .since(13)
        .attached()
        .says("runs a C callback when the interpreter is cleared, last registered first")
        .runs(Call::UnstableAtExit),
    surface("Py_BytesMain", &[In(Int), In(Pointer)], Int)
        .blocks()
        .says("initializes from arguments, then `Py_RunMain()`").runs(Call::Main),
    surface("Py_Main", &[In(Int), In(Pointer)], Int)
        .blocks()
        .says("initializes from wide arguments, then `Py_RunMain()`").runs(Call::Main),
    core("Py_RunMain", &[], Int)
        .attached()
        .blocks()
        .says("runs the main program (`at_main`) and always finalizes").runs(Call::RunMain),
    data("Py_PreInitialize", &[In(PreConfig)], Status)
        .says("fixes the process's main thread, memory and encodings").runs(Call::PreInitialize),
    data("Py_PreInitializeFromArgs", &[In(PreConfig), In(Int), In(Pointer)], Status)
        .says("`Py_PreInitialize` with wide arguments").runs(Call::PreInitialize),
    data("Py_PreInitializeFromBytesArgs", &[In(PreConfig), In(Int), In(Pointer)], Status)
        .says("`Py_PreInitialize` with arguments").runs(Call::PreInitialize),
    surface("PyConfig_InitPythonConfig", &[In(Config)], Void)
        .says("fills a configuration with Python's defaults")
        .runs(Call::ConfigInitPython),
    surface("PyConfig_InitIsolatedConfig", &[In(Config)], Void)
        .says("fills a configuration for an isolated program")
        .runs(Call::ConfigInitIsolated),
    surface("PyConfig_SetArgv", &[In(Config), In(Int), In(Pointer)], Status)
        .says("sets arguments; pre-initializes, which fixes the process's main thread").runs(Call::ConfigSetArgv),
    surface("PyConfig_Clear", &[In(Config)], Void)
        .says("frees what a configuration holds")
        .runs(Call::ConfigClear),
    surface("PyPreConfig_InitPythonConfig", &[In(PreConfig)], Void)
        .says("fills a pre-configuration with Python's defaults")
        .runs(Call::PreConfigFill),
    surface("PyPreConfig_InitIsolatedConfig", &[In(PreConfig)], Void)
        .says("fills a pre-configuration for an isolated program")
        .runs(Call::PreConfigFill),
    surface("PyStatus_Exception", &[In(Status)], Int)
        .says("whether a status is an error or an exit")
        .runs(Call::StatusException),
    surface("Py_ExitStatusException", &[In(Status)], Void)
        .fatal(&["Py_ExitStatusException() must not be called on success"])
        .says("ends the process as a status says").runs(Call::ExitStatusException),
    core("_Py_InitializeMain", &[], Status)
        .without(14)
        .attached()
        .says("finishes an initialization that stopped after its core").runs(Call::InitializeMain),
    surface("Py_GetVersion", &[], Text).says("the version as a text").runs(Call::FixedText),
    surface("Py_GetPlatform", &[], Text).says("the platform as a text").runs(Call::FixedText),
    surface("Py_GetCopyright", &[], Text).says("the copyright as a text").runs(Call::FixedText),
    surface("Py_GetCompiler", &[], Text).says("the compiler as a text").runs(Call::FixedText),
    surface("Py_GetBuildInfo", &[], Text).says("the build as a text").runs(Call::FixedText),
    surface("Py_SetProgramName", &[In(Text)], Void).deprecated(11).says("sets the program's name, before initialization").runs(Call::SetParameter),
    surface("Py_SetPythonHome", &[In(Text)], Void).deprecated(11).says("sets Python's home, before initialization").runs(Call::SetParameter),
    surface("PySys_SetArgvEx", &[In(Int), In(Pointer), In(Int)], Void).deprecated(11)
        .attached()
        .fatal(&["no mem for sys.argv", "can't assign sys.argv"])
        .says("sets `sys.argv`, and perhaps `sys.path[0]`").runs(Call::SetArgv),
    surface("PySys_SetArgv", &[In(Int), In(Pointer)], Void).deprecated(11)
        .attached()
        .fatal(&["no mem for sys.argv", "can't assign sys.argv"])
        .says("sets `sys.argv` and `sys.path[0]`").runs(Call::SetArgv),
    surface("Py_DecodeLocale", &[In(Text), In(Pointer)], Text).says("decodes a text; allowed before initialization").runs(Call::FixedText),
    surface("Py_EncodeLocale", &[In(Text), In(Pointer)], Text).says("encodes a text; not before initialization").runs(Call::EncodeLocale),
];
