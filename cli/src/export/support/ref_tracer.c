/* A reference tracer is told of all objects: these are the scenario's, from when they are made. */
static __thread PyObject **object_place;    /* where the one goes that is being made */
static __thread PyTypeObject *object_type;
static PyObject *traced[64];

#define TRACED(place, type, ...) (object_place = place, object_type = type, __VA_ARGS__)

static int is_traced(PyObject *object, int event)
{
    if (event > PyRefTracer_DESTROY)
        return 1;
    PyObject *known = event == PyRefTracer_CREATE ? NULL : object;
    if (known == NULL && (object_place == NULL || Py_TYPE(object) != object_type))
        return 0;
    for (int place = 0; place < 64; place++)
        if (traced[place] == known) {
            traced[place] = known ? NULL : object;
            if (known == NULL)
                *object_place = object, object_place = NULL;
            return 1;
        }
    return 0;
}

