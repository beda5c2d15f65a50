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

