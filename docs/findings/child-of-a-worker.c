/*
 * The child of a worker never makes its pending calls
 *
 * Another thread than the first forks, and its child queues a pending call. Since 3.13 bytecode makes such calls in the thread whose state
 * was the main one before the fork, and which the child does not have; `Py_MakePendingCalls` would make them.
 *
 * Fix: fork in the main thread, or call `Py_MakePendingCalls` in the child.
 * Covers: S49, S65, P05
 *
 * scenarios/fork/child-of-a-worker-forgets-calls.capi under CPython 3.15: child(lost(call))
 *
 * Forced: every run of the model with the calls in this order ends so.
 *
 *     #  main                    worker (foreign)               GIL     what changed
 *     1  Py_Initialize()         .                              main    main attached; initialized
 *     2  Py_BEGIN_ALLOW_THREADS  .                              -       main detached
 *     3  | start worker          .                              -
 *     4  join worker [waits]     .                              -
 *     5  [waits]                 PyGILState_STATE g =           worker  worker attached
 *                                  PyGILState_Ensure() -> 1
 *     6  [waits]                 PyOS_BeforeFork()              worker
 *     7  [waits]                 fork                           worker
 *     8  [waits]                 | PyOS_AfterFork_Child()       worker  forked: the run goes on as
 *                                |                                      the child; worker detached;
 *                                |                                      worker attached
 *     9  [waits]                 Py_AddPendingCall(call, NULL)  worker  1 pending
 *                                  == 0
 *    10  [waits]                 eval 2                         worker
 *    11  [waits]                 exit 0                         worker
 *
 *   | inside the call above
 *
 *   The run went on as the forked process: the other threads are not in it, and what they held stays
 *   held.
 *   A pending call to call was accepted, and the process ended without running it.
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

#ifndef WATCHDOG
#define WATCHDOG 3000  /* milliseconds without progress after which it is stuck */
#endif
#ifndef CALM
#define CALM 20        /* looks, a millisecond each, at which all other threads must be still */
#endif
#define PATIENCE 250   /* looks, after which a thread that is not still is taken to go round */

#define EXPECTED "child(lost(call))"
#define EXPECTED_INNER "lost(call)"
#define EXPECTED_FATAL ""
#define EXPECTED_THREADS (0)
#define HANGS_UNSEEN (0)
#define IN_CHILD 1
#define LAST_TURN 3

enum { T_main, T_worker, THREADS };
enum { C_call, CALLBACKS };

static const char *const names[] = {"main", "worker"};
static const char *const callbacks[] = {"call", NULL};
static void *thread_main(void *);
static void *thread_worker(void *);
static void *(*const bodies[])(void *) = {thread_main, thread_worker};

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

static const struct { int as_child, turn, pass, to; } forks[16] = {{.as_child = 1, .turn = 0, .pass = 0, .to = 0}};

static int in_child;

/* The run goes on as one process of each fork: as the other, it ends or passes on how that one ended. */
pid_t fork(void)
{
    static pid_t (*real)(void);
    if (real == NULL)
        real = (pid_t (*)(void))dlsym(RTLD_NEXT, "fork");
    if (shared == NULL || me == NULL)
        return real();
    int number = shared->forks++, as_child = forks[number].as_child, status = 0;
    if (forks[number].turn)
        turn(forks[number].turn);
    pid_t pid = real();
    if (pid < 0)
        return pid;
    if ((pid == 0) != as_child) {
        if (pid == 0)
            _exit(0);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (WIFSIGNALED(status)) {
            signal(WTERMSIG(status), SIG_DFL);
            kill(getpid(), WTERMSIG(status));
        }
        _exit(WEXITSTATUS(status));
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        me->tid = syscall(SYS_gettid);
        shared->pid = getpid();
        in_child = 1;
        for (int t = 0; t < THREADS; t++)
            if (&shared->threads[t] != me && shared->threads[t].state != ENDED)
                shared->threads[t].state = shared->threads[t].state == IDLE ? IDLE : GONE;
    } else {
        waitpid(pid, &status, 0);
    }
    if (forks[number].pass)
        pass(forks[number].pass, forks[number].to);
    return pid;
}

static __thread int evaluating;             /* it evaluates a frame of the scenario's own */

/* Runs bytecode that does nothing: one look at the eval breaker. */
static int eval(void)
{
    PyObject *globals = PyModule_GetDict(PyImport_AddModule("__main__"));
    PyObject *code = Py_CompileString("", "<eval>", Py_file_input);
    int outer = evaluating;
    evaluating = 1;
    PyObject *result = PyEval_EvalCode(code, globals, globals);
    evaluating = outer;
    Py_DECREF(code);
    if (result == NULL) {
        PyErr_Clear();
        return -1;
    }
    Py_DECREF(result);
    return 0;
}

static void fails(const char *what)
{
    shared->failed = what;
    _exit(0);
}

#define EXPECT(...) ((__VA_ARGS__) ? (void)0 : fails(#__VA_ARGS__))

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

static int accepted(int callback, int result)
{
    if (result == 0)
        shared->accepted[callback]++;
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

/* ---- The scenario ------------------------------------------------------- */

static int call_runs;
static int call(void);

static int call_pending(void *arg)
{
    shared->ran[C_call]++;
    return raised(call());
}

static int call(void)
{
    call_runs++;
    return 0;
}

static void *thread_main(void *unused)
{
    PyThreadState *_save;

    Py_NoSiteFlag = 1;
    DO(Py_Initialize());
    DO(_save = PyEval_SaveThread());
    DO(start(T_worker));
    pass(1, T_worker);
    turn(2);
    pass(3, T_worker);
    DO(join(T_worker));
    stop();
    return NULL;
}

static void *thread_worker(void *unused)
{
    PyGILState_STATE g;

    turn(1);
    DO(g = PyGILState_Ensure());
    DO(PyOS_BeforeFork());
    DO(fork());
    DO(PyOS_AfterFork_Child());
    DO(EXPECT(accepted(C_call, Py_AddPendingCall(call_pending, NULL)) == 0));
    DO(for (int i = 0; i < 2 && eval() == 0; i++) continue);
    pass(2, T_main);
    DO(finish(0));
    turn(3);
    finish(0);
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
