/* _interpreters.exec() and .destroy(): what an interpreter runs is a function among its builtins. */
static PyObject *interpreters_exec, *interpreters_destroy;

/* Finds them as soon as there is a runtime: an import would hand over the GIL in the midst of a call. */
static void prepare_interpreters(void)
{
    PyObject *module = PyImport_ImportModule("_interpreters");
    interpreters_exec = module ? PyObject_GetAttrString(module, "exec") : NULL;
    interpreters_destroy = module ? PyObject_GetAttrString(module, "destroy") : NULL;
    Py_XDECREF(module);
}

static int call_interpreters(PyObject *function, PyInterpreterState *interp, const char *program)
{
    PyObject *args = program ? Py_BuildValue("(Ls)", (long long)PyInterpreterState_GetID(interp), program)
                             : Py_BuildValue("(L)", (long long)PyInterpreterState_GetID(interp));
    PyObject *result = function ? PyObject_CallObject(function, args) : NULL;
    Py_DECREF(args);
    if (result == NULL)
        PyErr_Clear();
    int done = result == Py_None;
    Py_XDECREF(result);
    return done ? 0 : -1;
}

static void add_builtin(PyMethodDef *method)
{
    PyObject *builtins = PyModule_GetDict(PyImport_AddModule("builtins"));
    PyObject *function = PyCFunction_New(method, NULL);
    PyDict_SetItemString(builtins, method->ml_name, function);
    Py_DECREF(function);
}

