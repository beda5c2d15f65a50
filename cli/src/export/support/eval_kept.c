static __thread int evaluating;             /* it evaluates a frame of the scenario's own */

static PyObject *eval_globals, *eval_code;

/* Made here, as little can be made late in finalization. */
static void prepare_eval(void)
{
    eval_globals = PyModule_GetDict(PyImport_AddModule("__main__"));
    eval_code = Py_CompileString("", "<eval>", Py_file_input);
}

/* Runs bytecode that does nothing: one look at the eval breaker. */
static int eval(void)
{
    PyObject *globals = eval_globals, *code = eval_code;
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        globals = PyModule_GetDict(PyImport_AddModule("__main__"));
        code = Py_CompileString("", "<eval>", Py_file_input);
    }
    int outer = evaluating;
    evaluating = 1;
    PyObject *result = PyEval_EvalCode(code, globals, globals);
    evaluating = outer;
    if (code != eval_code)
        Py_DECREF(code);
    if (result == NULL) {
        PyErr_Clear();
        return -1;
    }
    Py_DECREF(result);
    return 0;
}

