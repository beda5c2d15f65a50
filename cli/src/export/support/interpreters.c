/* _interpreters.exec() and .destroy(): what an interpreter runs is a function among its builtins. */
static PyObject *interpreters_exec, *interpreters_destroy;

/* Finds them as soon as there is a runtime: an import would hand over the GIL in the midst of a call. */
static void prepare_interpreters(void)
{
    PyObject *module = PyImport_ImportModule("_interpreters");
    interpreters_exec = module ? PyObject_GetAttrString(module, "exec") : NULL;
    interpreters_destroy = module ? PyObject_GetAttrString(module, "destroy") : NULL;
    Py_XDECREF(module);
    PyErr_Clear();
}

/* The ids of interpreters: one that is destroyed cannot be asked any more. */
static struct { PyInterpreterState *interp; long long id; } noted_ids[64];
static int noted_count;

static void note_id(PyInterpreterState *interp)
{
    PyInterpreterState *one = PyInterpreterState_Head();
    while (one != NULL && one != interp)
        one = PyInterpreterState_Next(one);
    int place = 0;
    while (place < noted_count && noted_ids[place].interp != interp)
        place++;
    if (one == NULL || place == 64)
        return;
    noted_ids[place].interp = interp;
    noted_ids[place].id = PyInterpreterState_GetID(interp);
    noted_count += place == noted_count;
}

static long long noted_id(PyInterpreterState *interp)
{
    for (int place = 0; place < noted_count; place++)
        if (noted_ids[place].interp == interp)
            return noted_ids[place].id;
    return PyInterpreterState_GetID(interp);
}

static int call_interpreters(PyObject *function, PyInterpreterState *interp, const char *program)
{
    long long id = noted_id(interp);
    PyObject *args = program ? Py_BuildValue("(Ls)", id, program) : Py_BuildValue("(L)", id);
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

