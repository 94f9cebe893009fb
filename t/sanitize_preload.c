/*
 * Preloaded behind the address sanitizer's runtime, for servers with the library's build "sanitize".
 *
 * The runtime begins at the first malloc.  In Debian's servers that is one of libgnutls, called with a lock of libc's
 * message catalogues held, which the runtime's own beginning asks for too: without this the server waits for itself for ever.
 * Linked with -z initfirst, hence called before the constructors of all other libraries.
 */
#include <stdlib.h>

__attribute__((constructor)) static void
begin(void)
{
	void	   *volatile p = malloc(1);

	free(p);
}
