/* ---- Memory: who looks on while it is taken, and what fails --------------
 *
 * MAKES(what, ...)  a call that makes something: only its memory is looked at, or not there
 */

enum { NOTHING, INTERPRETER, STATE, BLOCK, OBJECT };

static __thread int making;                 /* what the call makes */
static __thread int taken;                  /* of that, the memory that was taken: bits */
static __thread int telling;                /* inside the callback that looks on */
static PyMemAllocatorEx raw_memory, object_memory;
static int (*volatile looks_on)(void);
static atomic_int memory_fails, interpreter_fails, state_fails;

#define MAKES(what, ...) ({ int made_before_ = making, taken_before_ = taken; making = what; taken = 0; \
    __typeof__(__VA_ARGS__) made_ = __VA_ARGS__; making = made_before_; taken = taken_before_; made_; })

/* An interpreter is larger than what else is taken while one is made. Since 3.13 a thread state is larger than its public part. */
#define INTERPRETER_MIN (8 * sizeof(PyThreadState))
#define STATE_MIN sizeof(PyThreadState)
#if PY_VERSION_HEX < 0x030D0000
#define is_state(size) ((size) == STATE_MIN)
#else
#define is_state(size) ((size) >= STATE_MIN && (size) < INTERPRETER_MIN)
#endif

/* Whether this is the memory of what the call makes: the first of its kind. */
static int is_what_is_made(size_t size)
{
    int what = NOTHING;
    if (making == INTERPRETER && !(taken & 1 << INTERPRETER) && size >= INTERPRETER_MIN)
        what = INTERPRETER;
    else if (making == INTERPRETER && taken == 1 << INTERPRETER && PY_VERSION_HEX < 0x030D0000 && is_state(size))
        what = STATE;
    else if (making == STATE && taken == 0 && is_state(size))
        what = STATE;
    else if (making == BLOCK && taken == 0)
        what = BLOCK;
    else if (making == BLOCK && taken == 1 << BLOCK && is_state(size))
        what = STATE;
    taken |= 1 << what & ~1;
    return what;
}

static void tell_of_memory(void)
{
    int (*callback)(void) = looks_on;
    if (callback == NULL || telling)
        return;
    int made_before = making, taken_before = taken;
    telling = 1;
    making = NOTHING;
    callback();
    making = made_before;
    taken = taken_before;
    telling = 0;
}

/* Tells who looks on; whether there is no memory this time. */
static int has_no_memory(size_t size)
{
    int what = making ? is_what_is_made(size) : NOTHING;
    if (what == INTERPRETER || what == STATE)
        tell_of_memory();
    return (what == INTERPRETER && atomic_exchange(&interpreter_fails, 0))
        || (what == STATE && making == INTERPRETER && atomic_exchange(&state_fails, 0))
        || (what != NOTHING && atomic_exchange(&memory_fails, 0));
}

static void *raw_malloc(void *context, size_t size)
{
    return has_no_memory(size) ? NULL : raw_memory.malloc(context, size);
}

static void *raw_calloc(void *context, size_t count, size_t size)
{
    return has_no_memory(count * size) ? NULL : raw_memory.calloc(context, count, size);
}

static void *object_malloc(void *context, size_t size)
{
    if (making == OBJECT && taken == 0) {
        taken = 1 << OBJECT;
        tell_of_memory();
    }
    return object_memory.malloc(context, size);
}

static void take_memory(void)
{
    static int done;
    if (done++)
        return;
    PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &raw_memory);
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &object_memory);
    PyMemAllocatorEx raw = raw_memory, object = object_memory;
    raw.malloc = raw_malloc;
    raw.calloc = raw_calloc;
    object.malloc = object_malloc;
    PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &raw);
    PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &object);
}

/* The callback runs in each allocation of what the scenario makes; none does, if it is null. */
static void alloc_hook(int (*callback)(void))
{
    take_memory();
    looks_on = callback;
}

/* The next of these has no memory. */
static void fail(atomic_int *what)
{
    take_memory();
    *what = 1;
}

