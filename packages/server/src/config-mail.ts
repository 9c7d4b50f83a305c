/** By which server mails leave, and whom they are from: read from the environment's settings. */
import { InvalidInputError } from "chatkeep";
import { z } from "zod";
import { filled } from "./config-lists.ts";

export interface MailOptions {
  /** `smtp://user:password@host:587`, or `smtps://…:465`. */
  smtpUrl: string;
  /** `chat@example.com`, or `Our chat <chat@example.com>`. */
  from: string;
}

const smtpUrl = z.string().superRefine((text, { addIssue }) => {
  const url = /^smtps?:/.test(text) ? URL.parse(text) : null;
  if (url?.hostname) return;
  addIssue({ code: "custom", message: "must be an address, such as smtp://user:password@mail.example.com:587" });
});

/** An address, or one in angle brackets after a name, on one line. */
function isSender(text: string): boolean {
  const start = text.indexOf("<");
  const address = start < 0 ? text : text.endsWith(">") ? text.slice(start + 1, -1) : "";
  return !/[\r\n]/.test(text) && z.email().safeParse(address.trim()).success;
}

export const mailSettings = {
  CHATKEEP_SMTP_URL: filled(smtpUrl),
  CHATKEEP_MAIL_FROM: filled(z.string().refine(isSender, "must be an address, such as Our chat <chat@example.com>")),
};

/** @throws invalid_input where one is set without the other */
export function mailOf({
  CHATKEEP_SMTP_URL: smtpUrl,
  CHATKEEP_MAIL_FROM: from,
}: {
  CHATKEEP_SMTP_URL?: string | undefined;
  CHATKEEP_MAIL_FROM?: string | undefined;
}): MailOptions | undefined {
  if (smtpUrl && from) return { smtpUrl, from };
  if (!smtpUrl && !from) return undefined;
  const [missing, there] = smtpUrl
    ? ["CHATKEEP_MAIL_FROM", "CHATKEEP_SMTP_URL"]
    : ["CHATKEEP_SMTP_URL", "CHATKEEP_MAIL_FROM"];
  throw new InvalidInputError(`${missing} must be set when ${there} is.`);
}
