/** A mail server on this machine, which keeps what it is sent. */
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { SMTPServer } from "smtp-server";
import { until } from "./until.ts";

interface SentMail {
  to: string;
  from: string;
  subject: string;
  text: string;
  /** The first address in the text. */
  link: string;
}

export interface MailServer {
  url: string;
  mails: SentMail[];
  /** The next one to this address, counted from `mails` so far. */
  next(to: string, subject?: RegExp): Promise<SentMail>;
  stop(): Promise<void>;
}

export async function startMailServer(): Promise<MailServer> {
  const mails: SentMail[] = [];
  const seen = new Set<SentMail>();
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData: (stream, session, done) => {
      text(stream).then((raw) => {
        mails.push(mailOf(raw, String(session.envelope.rcptTo[0]?.address)));
        done();
      }, done);
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    next: async (to, subject = /./) => {
      const find = () => mails.find((mail) => mail.to === to && subject.test(mail.subject) && !seen.has(mail));
      const found = (await until(find, (mail) => mail !== undefined)) as SentMail;
      seen.add(found);
      return found;
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function mailOf(raw: string, to: string): SentMail {
  const [head = "", ...rest] = raw.split("\r\n\r\n");
  const headers = head.replaceAll(/\r\n\s+/g, " ");
  const header = (name: string) => decoded(new RegExp(`^${name}: (.*)$`, "im").exec(headers)?.[1] ?? "");
  const body = rest.join("\r\n\r\n");
  const encoding = header("content-transfer-encoding").toLowerCase();
  const words =
    encoding === "base64"
      ? Buffer.from(body, "base64").toString("utf8")
      : encoding === "quoted-printable"
        ? quotedPrintable(body)
        : body;
  return {
    to,
    from: header("from"),
    subject: header("subject"),
    text: words.trim(),
    link: /https?:\S+/.exec(words)?.[0] ?? "",
  };
}

function quotedPrintable(text: string): string {
  const bytes = text
    .replaceAll(/=\r?\n/g, "")
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** @see https://www.rfc-editor.org/rfc/rfc2047 */
function decoded(value: string): string {
  return value
    .replaceAll(/\?=\s+=\?/g, "?==?")
    .replaceAll(/=\?utf-8\?([qb])\?([^?]*)\?=/gi, (_, kind: string, words: string) =>
      kind.toLowerCase() === "b"
        ? Buffer.from(words, "base64").toString("utf8")
        : quotedPrintable(words.replaceAll("_", " ")),
    );
}
