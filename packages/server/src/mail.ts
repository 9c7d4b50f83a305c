/** How mails leave: over SMTP, or, where there is one person at one machine, into the log. */
import { setTimeout as pause } from "node:timers/promises";
import type { Transporter } from "nodemailer";
import type { MailOptions } from "./config-mail.ts";
import type { Log } from "./log.ts";

interface Mail {
  to: string;
  subject: string;
  text: string;
  /** What the text leads to, which is all that the log is told. */
  link?: string | undefined;
}

/** By which links are sent to people. */
export interface Mailer {
  /** Takes a mail to be sent in the background: nobody waits for a mail server, or learns by the time whether an address is known. */
  send(mail: Mail): void;
  /** Whether people get it, and not the log. */
  isSmtp: boolean;
  /** Waits two seconds for what is on its way. */
  close(): Promise<void>;
}

/** For a server that does not answer. */
const waitMs = 15_000;
/** For what is on its way when the server stops. */
const lastMs = 2_000;

/** Sends over SMTP. What cannot be sent is in the log, without the address that it was for. */
export function createMailer({ smtpUrl, from }: MailOptions, log: Log): Mailer {
  const underWay = new Set<Promise<void>>();
  let opened: Promise<Transporter> | undefined;
  const open = async () => {
    const { createTransport } = await import("nodemailer");
    const timeouts = { connectionTimeout: waitMs, greetingTimeout: waitMs, socketTimeout: waitMs };
    return createTransport({ url: smtpUrl, ...timeouts, disableFileAccess: true, disableUrlAccess: true });
  };
  const deliver = async ({ to, subject, text }: Mail) => {
    try {
      opened ??= open();
      await (await opened).sendMail({ from, to, subject, text });
    } catch (error) {
      const { code, responseCode } = error as { code?: string; responseCode?: number };
      log.warn(
        { subject, code, responseCode },
        "a mail was not sent: look at CHATKEEP_SMTP_URL and CHATKEEP_MAIL_FROM",
      );
    }
  };
  return {
    isSmtp: true,
    send: (mail) => {
      const sent = deliver(mail).finally(() => underWay.delete(sent));
      underWay.add(sent);
    },
    close: async () => {
      const sent = Promise.all(underWay);
      await Promise.race([sent, pause(lastMs, undefined, { ref: false })]);
      (await opened)?.close();
    },
  };
}

/** For the embedded database, whose log is read by whoever would get the mail. */
export function createLogMailer(log: Log): Mailer {
  return {
    isSmtp: false,
    send: ({ subject, link }) =>
      log.info({ subject, link }, "no mail server is set (CHATKEEP_SMTP_URL): here is the link"),
    close: async () => {},
  };
}
