/** The links that Better Auth has sent to people: for a new password, and to show that an address is theirs. */
import type { BetterAuthOptions } from "better-auth";
import { eq } from "drizzle-orm";
import type { Database } from "./database.ts";
import type { Log } from "./log.ts";
import type { Mailer } from "./mail.ts";
import { mailWords } from "./mail-words.ts";
import { user } from "./models/index.ts";

interface AccountMailOptions {
  db: Database;
  mailer: Mailer;
  log: Log;
  /** The public address of the server. */
  url: string;
}

const linkSeconds = 3_600;

type Mails = Required<Pick<BetterAuthOptions, "emailAndPassword" | "emailVerification">>;

export function accountMails({ db, mailer, url, log }: AccountMailOptions): Mails {
  const tellOldAddress = async (
    { id, email }: { id: string; email: string },
    words: ReturnType<typeof mailWords>["changing"],
  ) => {
    const [stored] = await db.select({ email: user.email }).from(user).where(eq(user.id, id));
    if (!stored || stored.email === email) return;
    mailer.send({ to: stored.email, subject: words.subject, text: words.text(email) });
  };
  const languageOf = (request: Request | undefined) => mailWords(request?.headers.get("accept-language"));
  return {
    emailAndPassword: {
      enabled: true,
      resetPasswordTokenExpiresIn: linkSeconds,
      sendResetPassword: async ({ user: { email }, token }, request) => {
        const { subject, text } = languageOf(request).reset;
        const link = `${url}/reset-password?${new URLSearchParams({ token })}`;
        if (isReachable(email)) mailer.send({ to: email, subject, text: text(link), link });
      },
    },
    emailVerification: {
      expiresIn: linkSeconds,
      sendOnSignUp: mailer.isSmtp,
      sendVerificationEmail: async ({ user: { id, email }, token }, request) => {
        const { confirm, changing } = languageOf(request);
        if (!isReachable(email)) return;
        const link = `${url}/account?${new URLSearchParams({ confirm: token })}`;
        mailer.send({ to: email, subject: confirm.subject, text: confirm.text(link), link });
        // Not waited for: this may be within a transaction, and the embedded database has one connection.
        void tellOldAddress({ id, email }, changing).catch((error: unknown) =>
          log.warn({ error }, "whether an address is to be another one could not be told there"),
        );
      },
    },
  };
}

/** Guests have an address that nobody has. */
function isReachable(email: string): boolean {
  return !email.endsWith(".invalid");
}
