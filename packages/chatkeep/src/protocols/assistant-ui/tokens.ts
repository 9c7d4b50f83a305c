/** What people without an account are known by. */

/** Makes and renews tokens of people who begin without an account; a host's sign-in has it, or has no such people. */
export interface AnonymousTokens {
  /** A new anonymous user, and tokens for it. */
  create(): Promise<TokenPair>;
  /** New tokens for the same user. @throws unauthenticated */
  refresh(refreshToken: string): Promise<TokenPair>;
  /** Moves what that user has to `userId`; gives how many conversations moved. @throws unauthenticated */
  claim(refreshToken: string, userId: string): Promise<{ moved: number }>;
}

/** `accessToken` is a JWT with an `exp`; `expiresAt` is ISO 8601. */
export interface TokenPair {
  accessToken: string;
  refreshToken: { token: string; expiresAt: string };
}
