/* Answers in the kernel's place, to systemd-timedated on a lab host, whether the clock is synchronised.
 *
 * The kernel of a lab host is this machine's: chronyd may not tell it anything (it runs with -x), and
 * `timedatectl` would say "System clock synchronized: no" on every host for ever. So timedated is
 * started with this library before libc's, and a script asks chronyd what it would have told.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

int adjtimex(struct timex *state)
{
    int synchronised = system("/usr/local/lib/lab/clock-state") == 0;

    memset(state, 0, sizeof *state);
    /* 16 s is the kernel's limit (NTP_PHASE_LIMIT), and what it says of a clock that nobody keeps. */
    state->maxerror = state->esterror = synchronised ? 1000 : 16000000;
    state->status = synchronised ? 0 : STA_UNSYNC;
    return synchronised ? TIME_OK : TIME_ERROR;
}
