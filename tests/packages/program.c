/* program.c: what a user of the packages writes. SPDX-License-Identifier: MIT */
#include <winsock_telemetry.h>
int main(void)
{
    wsft_failure failure = {.code = 10061, .operation = WSFT_OP_CONNECT, .message = "packaged"};
    int opened = wsft_open(NULL);
    wsft_report(&failure);
    wsft_close();
    return opened != 0;
}
