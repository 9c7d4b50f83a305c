/** For how long anything waits, in milliseconds. PGlite runs in this process and one statement at a time: it has no such limits. */
export const timeouts = {
  /** For a connection: one of the pool that is free, or a new one. */
  connect: 10_000,
  /** The same on Neon, where the compute may have to wake. */
  connectToNeon: 15_000,
  /** For a statement, locks included; the server ends it. */
  statement: 30_000,
  /** Beyond that, for a server that does not answer at all, and so cannot end the statement itself. */
  grace: 5_000,
  /** For the answer to the last word on a connection. */
  goodbye: 1_000,
  /** Before a silent connection is asked whether it lives. */
  keepAlive: 10_000,
} as const;
