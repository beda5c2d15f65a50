static __thread const char *importing;      /* what the scenario imports */

