/** /api/admin: for administrators. */
import { createRoute, z } from "@hono/zod-openapi";
import { type Connection, InvalidInputError, type Store, uuidSchema } from "chatkeep";
import { asErasureReceipt, erasureReceipt, pageOf } from "chatkeep/wire";
import { createMiddleware } from "hono/factory";
import {
  type AdminUser,
  findAccount,
  listAdminUsers,
  makePasswordLink,
  requireAdmin,
  setAdmin,
  usageOfAll,
} from "../admin.ts";
import type { Told } from "../anonymous.ts";
import type { Auth } from "../auth.ts";
import { diagnose } from "../commands/doctor.ts";
import type { Database } from "../database.ts";
import { eraseUser } from "../erase-user.ts";
import {
  emailSchema,
  type Invitation,
  invitationDays,
  invite,
  listInvitations,
  takeBackInvitation,
} from "../invitations.ts";
import type { Log } from "../log.ts";
import { mailWords } from "../mail-words.ts";
import { createRouter, type Env } from "./router.ts";
import { cursorQuery, jsonBody, limitQuery, noContent, responses } from "./schemas.ts";

const tags = ["Administration"];
const time = z.iso.datetime();
const params = () => z.object({ id: uuidSchema });

const account = z
  .object({
    id: z.uuid(),
    email: z.string(),
    name: z.string(),
    emailVerified: z.boolean(),
    isAdmin: z.boolean(),
    createdAt: time,
    seenAt: time.nullable().meta({ description: "When a session was last renewed; null when none is open." }),
    conversations: z.int(),
    messages: z.int(),
    fileBytes: z.int(),
    replies: z.int().meta({ description: "Of the last thirty days, as the tokens." }),
    tokens: z.int(),
  })
  .meta({ id: "Account" });

const invitation = z
  .object({ id: z.uuid(), email: z.string(), createdAt: time, expiresAt: time })
  .meta({ id: "Invitation" });
const link = { link: z.url(), isSent: z.boolean().meta({ description: "Whether a mail with it was sent." }) };

const users = createRoute({
  method: "get",
  path: "/admin/users",
  tags,
  summary: "List accounts, newest first",
  request: {
    query: z.object({
      limit: limitQuery,
      cursor: cursorQuery,
      search: z
        .string()
        .max(254, "must have at most 254 characters")
        .optional()
        .meta({ description: "In the name or the address." }),
    }),
  },
  responses: responses(200, pageOf(account), "A page; 50 when no limit is given"),
});

const changeUser = createRoute({
  method: "patch",
  path: "/admin/users/{id}",
  tags,
  summary: "Make somebody an administrator, or not any more",
  request: { params: params(), body: jsonBody(z.strictObject({ isAdmin: z.boolean("must be true or false") })) },
  responses: noContent("It is so now"),
});

const removeUser = createRoute({
  method: "delete",
  path: "/admin/users/{id}",
  tags,
  summary: "Remove an account with all there is of it, for good",
  request: { params: params() },
  responses: responses(200, z.object({ receipt: erasureReceipt }), "What was removed"),
});

const passwordLink = createRoute({
  method: "post",
  path: "/admin/users/{id}/password-link",
  tags,
  summary: "Make a link by which somebody sets a new password, within a day",
  request: { params: params() },
  responses: responses(
    201,
    z.object({ ...link, link: z.url().nullable().meta({ description: "Null where it was sent." }) }),
    "The link, which is told this once",
  ),
});

const invitations = createRoute({
  method: "get",
  path: "/admin/invitations",
  tags,
  summary: "List the invitations that hold",
  responses: responses(200, z.object({ items: z.array(invitation) }), "All of them, newest first"),
});

const makeInvitation = createRoute({
  method: "post",
  path: "/admin/invitations",
  tags,
  summary: "Invite somebody, in the place of an earlier invitation for this address",
  request: { body: jsonBody(z.strictObject({ email: emailSchema })) },
  responses: responses(201, invitation.extend(link), "The invitation, whose link is told this once"),
});

const removeInvitation = createRoute({
  method: "delete",
  path: "/admin/invitations/{id}",
  tags,
  summary: "Take an invitation back",
  request: { params: params() },
  responses: noContent("It holds no more"),
});

const usage = createRoute({
  method: "get",
  path: "/admin/usage",
  tags,
  summary: "What all took in the last thirty days, by days and models",
  responses: responses(
    200,
    z.object({
      items: z.array(
        z.object({
          day: z.iso.date(),
          model: z.string(),
          users: z.int(),
          replies: z.int(),
          inputTokens: z.int(),
          outputTokens: z.int(),
        }),
      ),
    }),
    "At most a thousand, newest first",
  ),
});

const check = z.object({ name: z.string(), ok: z.boolean(), found: z.string() });
const health = createRoute({
  method: "get",
  path: "/admin/health",
  tags,
  summary: "What chatkeep doctor finds in the database: reads all of it",
  responses: responses(
    200,
    z.object({
      version: z.string(),
      checks: z.array(check),
      findings: z.array(
        z.object({ level: z.string(), about: z.string(), found: z.string(), why: z.string(), mend: z.string() }),
      ),
    }),
    "What was looked at, and what there is to mend",
  ),
});

export interface AdminOptions {
  connection: Connection;
  db: Database;
  store: Store;
  auth: Pick<Auth, "mailer">;
  url: string;
  isAlone: boolean;
  log: Log;
  /** Told whose sessions have ended. */
  publish(change: Told): void;
}

export function adminRoutes({ connection, db, store, auth: { mailer }, url, isAlone, log, publish }: AdminOptions) {
  const router = createRouter();
  router.use(
    "/admin/*",
    createMiddleware<Env>(async (c, next) => {
      await requireAdmin(db, c.get("userId"));
      await next();
    }),
  );
  return router
    .openapi(users, async (c) => {
      const { items, nextCursor } = await listAdminUsers(db, c.req.valid("query"));
      return c.json({ items: items.map(asAccount), nextCursor }, 200);
    })
    .openapi(changeUser, async (c) => {
      const { id } = c.req.valid("param");
      await setAdmin(db, id, c.req.valid("json").isAdmin);
      log.info({ by: c.get("userId"), userId: id, ...c.req.valid("json") }, "administrators changed");
      return c.body(null, 204);
    })
    .openapi(removeUser, async (c) => {
      const { id } = c.req.valid("param");
      if (id === c.get("userId"))
        throw new InvalidInputError("This is your own account: delete it on the account page, with your password.");
      await findAccount(db, id);
      const receipt = await eraseUser(db, store, id);
      publish({ userId: id, isSignedOut: true });
      log.info({ by: c.get("userId"), userId: id, rows: receipt.rows }, "an account was deleted");
      return c.json({ receipt: asErasureReceipt(receipt) }, 200);
    })
    .openapi(passwordLink, async (c) => {
      const made = await makePasswordLink(db, url, c.req.valid("param").id);
      const { subject, text } = mailWords(c.req.header("accept-language")).reset;
      const isSent = send(made.email, subject, text(made.link));
      log.info({ by: c.get("userId"), userId: c.req.valid("param").id, isSent }, "a link for a new password was made");
      // Whoever has it is that user: nobody but them, where they can be reached.
      return c.json({ link: isSent ? null : made.link, isSent }, 201);
    })
    .openapi(invitations, async (c) => c.json({ items: (await listInvitations(db)).map(asInvitation) }, 200))
    .openapi(makeInvitation, async (c) => {
      const made = await invite(db, url, c.req.valid("json").email);
      const { subject, text } = mailWords(c.req.header("accept-language")).invitation;
      const isSent = send(made.email, subject, text(made.link, invitationDays));
      return c.json({ ...asInvitation(made), link: made.link, isSent }, 201);
    })
    .openapi(removeInvitation, async (c) => {
      await takeBackInvitation(db, c.req.valid("param").id);
      return c.body(null, 204);
    })
    .openapi(usage, async (c) => c.json({ items: await usageOfAll(db) }, 200))
    .openapi(health, async (c) => {
      const { version, checks, findings } = await diagnose({ ...connection, db }, isAlone ? "pglite" : "pg");
      return c.json({ version, checks, findings: findings.map(({ kind: _, ...each }) => each) }, 200);
    });

  /** Whoever asked is shown the link in any case: into a log it need not go. */
  function send(to: string, subject: string, text: string): boolean {
    if (!mailer?.isSmtp) return false;
    mailer.send({ to, subject, text });
    return true;
  }
}

function asAccount({ createdAt, seenAt, ...row }: AdminUser): z.infer<typeof account> {
  return { ...row, createdAt: createdAt.toISOString(), seenAt: seenAt?.toISOString() ?? null };
}

function asInvitation({ id, email, createdAt, expiresAt }: Invitation): z.infer<typeof invitation> {
  return { id, email, createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString() };
}
