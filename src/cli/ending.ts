/** Aborted when the command is ended from outside: `main.ts` does it, and all that can wait listens. */
export const ending = new AbortController()
