/*
 * an interpreter entered while its exit functions run
 *
 * An interpreter is destroyed whose exit function waits, without the GIL, and another thread comes to run it meanwhile.
 *
 * `interpreters.destroy` asked whether anybody runs the interpreter before the exit functions. Nothing keeps others from
 * entering it after that.
 *
 * Fix: who destroys waits until nobody can enter any more (subinterpreter/destroy-while-entered-fixed.capi).
 * Sources: gh-127041, gh-126644.
 * Covers: R26
 *
 * scenarios/subinterpreter/entered-at-its-exit.capi under CPython 3.15: deadlock(main, runner)
 *
 * Forced: every run of the model with the calls in this order ends so.
 *
 *     #  main                         runner (foreign)             GIL     what changed
 *     1  Py_Initialize()              .                            main    main attached; initialized
 *     2  PyThreadState *m =           .                            main
 *          PyThreadState_Get()
 *     3  PyThreadState *sub =         .                            main    main detached; main
 *          Py_NewInterpreter()                                             attached; main detached;
 *                                                                          main attached; main
 *                                                                          detached; main attached
 *     4  PyInterpreterState *victim   .                            main
 *          = PyInterpreterState_Get(
 *          )
 *     5  atexit(at_end)               .                            main
 *     6  PyThreadState_Clear(sub)     .                            main
 *     7  PyThreadState_Swap(m)        .                            main    main detached; main
 *                                                                          attached
 *     8  PyThreadState_Delete(sub)    .                            main
 *     9  start runner                 .                            main
 *    10  interpreters.destroy(        .                            main
 *          victim) == 0
 *    11  |                            wait ending                  main
 *    12  | interpreters.destroy(      |                            main    main detached; main
 *        |   victim) == 0             |                                    attached
 *    13  `- Py_BEGIN_ALLOW_THREADS    |                            -       main detached
 *    14  `- post ending               |                            -
 *    15  `- wait entered [waits]      |                            -
 *    16  [waits]                      | PyGILState_STATE g =       runner  runner attached
 *                                     |   PyGILState_Ensure() ->
 *                                     |   1
 *    17  [waits]                      interpreters.run(victim,     runner  runner detached; runner
 *                                       program) == 0                      attached
 *    18  [waits]                      `- Py_BEGIN_ALLOW_THREADS    -       runner detached
 *    19  [waits]                      `- post entered              -
 *    20  [waits]                      `- wait over [waits]         -
 *    21  `- Py_BEGIN_ALLOW_THREADS    [waits]                      main    main attached; main
 *            returns                                                       detached; main attached
 *    22  | post over                  [waits]                      main
 *    23  Py_BEGIN_ALLOW_THREADS       [waits]                      -       main detached
 *    24  | join runner [waits]        [waits]                      -
 *    25  [waits]                      `- Py_BEGIN_ALLOW_THREADS    -       runner hangs for good
 *                                         [hangs]
 *
 *   | inside the call above   `- in a callback
 *
 *   Nobody who has not ended can go on.
 *   main, in line 29 (join runner), waits for runner to end.
 *   runner, in line 48 (Py_BEGIN_ALLOW_THREADS), was parked for good by finalization.
 *
 *     cc FILE.c -o FILE $(python3-config --cflags --embed --ldflags) -pthread && ./FILE
 *
 * Linux. Its last lines say what was expected and what was seen; it exits with 0 if they agree.
 */
#define PY_SSIZE_T_CLEAN
#define _GNU_SOURCE
#include <Python.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"

#if PY_MAJOR_VERSION != 3 || PY_MINOR_VERSION != 15
#error "this file shows a run of CPython 3.15: compile it for that release"
#endif

#if PY_VERSION_HEX < 0x03090000
#define PyInterpreterState_Get _PyInterpreterState_Get
#endif

#ifndef WATCHDOG
#define WATCHDOG 3000  /* milliseconds without progress after which it is stuck */
#endif
#ifndef CALM
#define CALM 20        /* looks, a millisecond each, at which all other threads must be still */
#endif
#define PATIENCE 250   /* looks, after which a thread that is not still is taken to go round */

#define EXPECTED "deadlock(main, runner)"
#define EXPECTED_INNER "deadlock(main, runner)"
#define EXPECTED_FATAL ""
#define EXPECTED_THREADS (1 << T_main | 1 << T_runner)
#define HANGS_UNSEEN (0)
#define IN_CHILD 0
#define LAST_TURN 4

enum { T_main, T_runner, THREADS };
enum { CALLBACKS };

static const char *const names[] = {"main", "runner"};
static const char *const callbacks[] = {NULL};
static void *thread_main(void *);
static void *thread_runner(void *);
static void *(*const bodies[])(void *) = {thread_main, thread_runner};

/* ---- Whose turn it is ---------------------------------------------------
 *
 * turn(n)     waits for the n-th turn, and then until every other thread is still: asleep, or waiting for its turn
 * pass(n, t)  gives the n-th turn to thread t, just before this thread goes into a statement that may block
 * DO(...)     one statement of the scenario
 */

enum { IDLE, MOVES, WAITS, ENDED, UNWOUND, PARKED, GONE };

static struct shared {
    struct thread {
        const char *name;
        const char *volatile doing;             /* the statement that it is inside */
        atomic_int state, tid, busy, done;
        sem_t go;
    } threads[THREADS];
    atomic_int turn, progress, ended, pid, forks;
    atomic_int accepted[CALLBACKS + 1], ran[CALLBACKS + 1];
    const char *volatile failed;
} *shared;

static __thread struct thread *me;
static pthread_t first_thread;
static pthread_key_t thread_end;

static void say(const char *what)
{
    char line[512];
    int length = snprintf(line, sizeof line, "%s: %s\n", me ? me->name : "?", what);
    if (write(STDOUT_FILENO, line, length < (int)sizeof line ? length : (int)sizeof line - 1) < 0)
        return;
}

/* The state letter of a thread of a process, as ps shows it. */
static char letter(int pid, int tid)
{
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
    int file = open(path, O_RDONLY);
    if (file < 0)
        return 'X';
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    char *end = strrchr(text, ')');
    return length > 0 && end && end[1] ? end[2] : 'X';
}

static int is_exempt(int tid)
{
    for (int t = 0; t < THREADS; t++)
        if (shared->threads[t].tid == tid && (shared->threads[t].busy || shared->threads[t].state == WAITS))
            return 1;
    return 0;
}

static int somebody_moves(void)
{
    int moves = 0, own = syscall(SYS_gettid);
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks && (task = readdir(tasks)) != NULL;) {
        int tid = atoi(task->d_name);
        if (tid != 0 && tid != own && !is_exempt(tid) && strchr("SZX", letter(getpid(), tid)) == NULL)
            moves = 1;
    }
    if (tasks)
        closedir(tasks);
    return moves;
}

/* Waits until nothing moves; but not for ever for one that goes round. */
static void settle(void)
{
    for (int calm = 0, looks = 0; calm < CALM && looks < PATIENCE; calm++, looks++) {
        usleep(1000);
        shared->progress++;
        if (somebody_moves())
            calm = 0;
    }
}

/* A statement begins when nothing moves any more, if another thread is under way. */
static void settle_beside_others(void)
{
    for (int t = 0; t < THREADS; t++)
        if (&shared->threads[t] != me && shared->threads[t].state == MOVES) {
            settle();
            return;
        }
}

static const char *enter(const char *statement)
{
    const char *outer = me ? me->doing : NULL;
    settle_beside_others();
    say(statement);
    if (me)
        me->doing = statement;
    shared->progress++;
    return outer;
}

static void leave(const char *outer)
{
    if (me)
        me->doing = outer;
    shared->progress++;
}

#define DO(...) do { const char *outer_ = enter(#__VA_ARGS__); __VA_ARGS__; leave(outer_); } while (0)

static void turn(int n)
{
    const char *doing = me->doing;
    me->state = WAITS;
    while (shared->turn != n)
        sem_wait(&me->go);
    settle();
    me->state = MOVES;
    me->doing = doing;
    shared->progress++;
}

static void pass(int n, int t)
{
    shared->turn = n;
    shared->progress++;
    sem_post(&shared->threads[t].go);
}

/* The process ends, once all others have gone as far as they can. */
static void finish(int status)
{
    settle();
    shared->ended = 1;
    _exit(status);
}

/* The run goes no further here. */
static void stop(void)
{
    me->state = WAITS;
    for (;;)
        sem_wait(&me->go);
}

static int is_over(int t)
{
    return shared->threads[t].state == ENDED || shared->threads[t].state == UNWOUND;
}

static int is_parked(int t)
{
    return shared->threads[t].state == PARKED;
}

static void begin_thread(int t)
{
    me = &shared->threads[t];
    me->tid = syscall(SYS_gettid);
    me->state = MOVES;
    pthread_setspecific(thread_end, me);
}

/* Runs where a thread ends, also one that finalization unwinds. */
static void thread_ends(void *thread)
{
    me = thread;
    me->state = me->done ? ENDED : UNWOUND;
}

/* With this, libpython parks threads for good. */
int pause(void)
{
    if (me)
        me->state = PARKED;
    for (;;)
        sleep(3600);
}

static void fails(const char *what)
{
    shared->failed = what;
    _exit(0);
}

#define EXPECT(...) ((__VA_ARGS__) ? (void)0 : fails(#__VA_ARGS__))

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

/* A callback's -1 is an exception. */
static int raised(int result)
{
    if (result == -1)
        PyErr_SetString(PyExc_RuntimeError, "the callback failed");
    return result;
}

/* Drops the exception of a call that failed. */
static int dropped(int result)
{
    if (result != 0 && PyErr_Occurred())
        PyErr_Clear();
    return result;
}

static void *start_routine(void *thread)
{
    int t = (int)(intptr_t)thread;
    begin_thread(t);
    bodies[t](NULL);
    me->done = 1;
    return NULL;
}

static void start(int t)
{
    pthread_t thread;
    shared->threads[t].state = MOVES;
    pthread_create(&thread, NULL, start_routine, (void *)(intptr_t)t);
    pthread_detach(thread);
}

/* Waits natively: not a word to Python. */
static void join(int t)
{
    while (!is_over(t))
        usleep(500);
}

/* Calls module.function(argument), whose reference it takes. */
static int call_python(const char *module, const char *function, PyObject *argument)
{
    PyObject *imported = PyImport_ImportModule(module);
    PyObject *result = imported ? PyObject_CallMethod(imported, function, "O", argument) : NULL;
    Py_XDECREF(imported);
    Py_DECREF(argument);
    if (result == NULL) {
        PyErr_Clear();
        return -1;
    }
    Py_DECREF(result);
    return 0;
}

/* ---- The scenario ------------------------------------------------------- */

static sem_t ending;
static sem_t entered;
static sem_t over;
static PyInterpreterState *main_victim;
static int at_end_runs;
static int at_end(void);
static int program_runs;
static int program(void);

static PyObject *at_end_call(PyObject *self, PyObject *args)
{
    if (raised(at_end()) == -1)
        return NULL;
    Py_RETURN_NONE;
}
static PyMethodDef at_end_method = {"at_end", at_end_call, METH_VARARGS, NULL};
static PyObject *program_call(PyObject *self, PyObject *args)
{
    if (raised(program()) == -1)
        return NULL;
    Py_RETURN_NONE;
}
static PyMethodDef program_method = {"program", program_call, METH_VARARGS, NULL};

static int at_end(void)
{
    PyThreadState *_save;

    at_end_runs++;
    if (at_end_runs > 1)
        return 0;  /* more often than in the model's run */
    DO(_save = PyEval_SaveThread());
    DO(sem_post(&ending));
    pass(1, T_runner);
    turn(2);
    DO(sem_wait(&entered));
    DO(PyEval_RestoreThread(_save));
    settle_beside_others();
    return 0;
}

static int program(void)
{
    PyThreadState *_save;

    program_runs++;
    if (program_runs > 1)
        return 0;  /* more often than in the model's run */
    DO(_save = PyEval_SaveThread());
    DO(sem_post(&entered));
    pass(2, T_main);
    turn(3);
    DO(sem_wait(&over));
    pass(4, T_main);
    DO(PyEval_RestoreThread(_save));
    stop();
    return 0;
}

static void *thread_main(void *unused)
{
    PyThreadState *_save;
    PyThreadState *m;
    PyThreadState *sub;

    sem_init(&ending, 0, 0);
    sem_init(&entered, 0, 0);
    sem_init(&over, 0, 0);
    Py_NoSiteFlag = 1;
    DO(Py_Initialize());
    prepare_interpreters();
    add_builtin(&program_method);
    DO(m = PyThreadState_Get());
    DO(sub = Py_NewInterpreter());
    add_builtin(&program_method);
    DO(main_victim = PyInterpreterState_Get());
    note_id(main_victim);
    DO(call_python("atexit", "register", PyCFunction_New(&at_end_method, NULL)));
    DO(PyThreadState_Clear(sub));
    DO(PyThreadState_Swap(m));
    DO(PyThreadState_Delete(sub));
    DO(start(T_runner));
    DO(EXPECT(call_interpreters(interpreters_destroy, main_victim, NULL) == 0));
    DO(sem_post(&over));
    pass(3, T_runner);
    DO(_save = PyEval_SaveThread());
    turn(4);
    DO(join(T_runner));
    stop();
    return NULL;
}

static void *thread_runner(void *unused)
{
    PyGILState_STATE g;

    turn(1);
    DO(sem_wait(&ending));
    DO(g = PyGILState_Ensure());
    DO(EXPECT(call_interpreters(interpreters_exec, main_victim, "program()") == 0));
    stop();
    return NULL;
}

/* ---- What was seen ------------------------------------------------------ */

static char seen[512], errors[1 << 16];

static int threads_in(int state)
{
    int mask = 0;
    for (int t = 0; t < THREADS; t++)
        if (shared->threads[t].state == state)
            mask |= 1 << t;
    return mask;
}

static int threads_inside(void)
{
    int mask = 0;
    for (int t = 0; t < THREADS; t++)
        if (shared->threads[t].doing && (shared->threads[t].state == MOVES || shared->threads[t].state == PARKED))
            mask |= 1 << t;
    return mask;
}

/* Those that the model names, if they are among them. */
static const char *named(const char *outcome, int mask)
{
    if ((mask & EXPECTED_THREADS) == EXPECTED_THREADS && EXPECTED_THREADS)
        mask = EXPECTED_THREADS;
    snprintf(seen, sizeof seen, "%s(", outcome);
    for (int t = 0, first = 1; t < THREADS; t++)
        if (mask & 1 << t) {
            snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%s", first ? "" : ", ", shared->threads[t].name);
            first = 0;
        }
    strcat(seen, ")");
    return seen;
}

/* Nanoseconds that a thread has run. */
static long long time_of(int tid)
{
    char path[64];
    long long time = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)shared->pid, tid);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%lld", &time) != 1)
        time = 0;
    if (file)
        fclose(file);
    return time;
}

/* Those that run. Other programs may keep them from it for a while, so that there are some looks, and more if one should. */
static int those_that_run(void)
{
    int running = 0, most = strncmp(EXPECTED_INNER, "livelock", 8) == 0 ? 50 : 5;
    for (int looks = 0; looks < most && !running; looks++) {
        long long before[THREADS];
        for (int t = 0; t < THREADS; t++)
            before[t] = shared->threads[t].tid ? time_of(shared->threads[t].tid) : 0;
        usleep(100000);
        for (int t = 0; t < THREADS; t++) {
            struct thread *thread = &shared->threads[t];
            if (thread->tid && thread->state == MOVES && time_of(thread->tid) - before[t] > 5000000)
                running |= 1 << t;
        }
    }
    return running;
}

/* Nothing went on for a while: says where each thread is. Returns those that run. */
static int where(void)
{
    int running = those_that_run();
    for (int t = 0; t < THREADS; t++) {
        struct thread *thread = &shared->threads[t];
        int runs = running >> t & 1;
        const char *how = thread->state == WAITS ? "waits for its turn" : thread->state == PARKED ? "is parked for good"
            : thread->state == UNWOUND ? "was ended by finalization" : thread->state == ENDED ? "has ended"
            : thread->state == GONE ? "is not in this process" : thread->state == IDLE ? "was not started"
            : runs ? "goes round" : "waits";
        printf("%s %s%s%s\n", thread->name, how, thread->doing ? " in " : "", thread->doing ? thread->doing : "");
    }
    return running;
}

static const char *judge(int status, int stuck)
{
    const char *fatal = strstr(errors, "Fatal Python error");
    if (shared->failed) {
        printf("failed: %s\n", shared->failed);
        return "assertion";
    }
    if (stuck) {
        int running = where(), waiting = threads_in(MOVES) | threads_in(PARKED);
        if (shared->turn < LAST_TURN || !(running | waiting))
            return "another order than the model's";
        if (running && (threads_inside() & EXPECTED_THREADS) == EXPECTED_THREADS)
            running = EXPECTED_THREADS;
        return running ? named("livelock", running) : named("deadlock", waiting);
    }
    if ((EXPECTED_FATAL)[0] && (fatal || WEXITSTATUS(status)) && strstr(errors, EXPECTED_FATAL))
        return EXPECTED_INNER;
    if (fatal) {
        snprintf(seen, sizeof seen, "fatal(\"%.*s\")", (int)strcspn(fatal, "\n"), fatal);
        return seen;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGINT) {  /* that one is the scenario's own */
        printf("killed by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
        return strncmp(EXPECTED_INNER, "crash", 5) == 0 ? EXPECTED_INNER : "crash";
    }
    if (strncmp(EXPECTED_INNER, "deadlock", 8) == 0 && (threads_inside() & EXPECTED_THREADS) == EXPECTED_THREADS)
        return named("deadlock", EXPECTED_THREADS);
    for (int callback = 0; callback < CALLBACKS; callback++)
        if (shared->ran[callback] != shared->accepted[callback]) {
            const char *what = shared->ran[callback] > shared->accepted[callback] ? "repeated" : "lost";
            snprintf(seen, sizeof seen, "%s(%s)", what, callbacks[callback]);
            return seen;
        }
    if (threads_in(UNWOUND))
        return named("exit", threads_in(UNWOUND));
    if (threads_in(PARKED) | (threads_inside() & HANGS_UNSEEN))
        return named("hang", threads_in(PARKED) | (threads_inside() & HANGS_UNSEEN));
    return "ok";
}

/* What the environment and who starts this ask of Python is none of the scenario's; but it may say where Python is. */
static void forget_settings(void)
{
    for (int i = 0; environ[i] != NULL;) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(environ[i], "="), environ[i]);
        if (strncmp(name, "PYTHON", 6) == 0 && strcmp(name, "PYTHONHOME") != 0 && strcmp(name, "PYTHONPATH") != 0
            && unsetenv(name) == 0)
            i = 0;
        else
            i++;
    }
    signal(SIGINT, SIG_DFL);
}

int main(void)
{
    forget_settings();
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int t = 0; t < THREADS; t++) {
        shared->threads[t].name = names[t];
        sem_init(&shared->threads[t].go, 1, 0);
    }
    FILE *log = tmpfile();
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(fileno(log), STDERR_FILENO);
        pthread_key_create(&thread_end, thread_ends);
        shared->pid = getpid();
        first_thread = pthread_self();
        begin_thread(0);
        bodies[0](NULL);
        finish(0);
    }
    int status = 0, stuck = 0, progress = -1, idle = 0, latest = -1, same = 0;
    for (; waitpid(child, &status, WNOHANG) == 0 && !stuck; usleep(10000)) {
        idle = progress == shared->progress ? idle + 10 : 0;
        progress = shared->progress;
        same = latest == shared->turn ? same + 10 : 0;
        latest = shared->turn;
        stuck = idle >= WATCHDOG || same >= 10 * WATCHDOG;  /* statements may follow each other for ever */
    }
    rewind(log);
    errors[fread(errors, 1, sizeof errors - 1, log)] = '\0';
    fputs(errors, stderr);
    const char *outcome = judge(status, stuck);
    if (stuck)
        kill(-child, SIGKILL);
    char text[600];
    snprintf(text, sizeof text, IN_CHILD ? "child(%s)" : "%s", outcome);
    printf("expected: %s\nseen:     %s\n", EXPECTED, text);
    return strcmp(text, EXPECTED) != 0;
}
