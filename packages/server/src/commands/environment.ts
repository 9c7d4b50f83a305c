/** The settings, as `chatkeep --help` has them; `config.ts` reads them. */
export const environment = `
Environment:
  PORT, HOST               where to listen (3000, 127.0.0.1)
  DATABASE_URL             postgres://…; unset: an embedded database
  DATABASE_REPLICA_URL     a standby of it, from which conversations are read and searched while it is not behind (none)
  CHATKEEP_DATA            folder of the embedded database (.chatkeep)
  CHATKEEP_SECRET          signs sessions; required with DATABASE_URL
  CHATKEEP_URL             the public address (http://HOST:PORT)
  CHATKEEP_MODEL           a model's name; unset: the offline assistant
  OPENAI_API_KEY           key of the model's endpoint
  OPENAI_BASE_URL          any OpenAI-compatible endpoint
  CHATKEEP_MODELS          others of its endpoint that a conversation may name, with commas between
  CHATKEEP_PROVIDERS       further endpoints, as JSON: [{"baseUrl":"…","apiKey":"…","models":["…"]}]
  CHATKEEP_TITLES          "off": the model does not name conversations after their first answer (on)
  CHATKEEP_MODEL_WITHOUT   what it does not take: tools, system, reasoning, stream_options, files
  CHATKEEP_MODEL_HISTORY   about how many tokens of a conversation it is given (16000)
  CHATKEEP_LEASE_SECONDS   after which a reply of a silent server is marked as interrupted (15)
  CHATKEEP_STREAMS_PER_USER, CHATKEEP_REPLIES_PER_USER, CHATKEEP_ROWS_PER_HOUR,
  CHATKEEP_BODY_MEGABYTES_PER_USER, CHATKEEP_ANSWER_MEGABYTES_PER_USER, CHATKEEP_TRANSFERS_PER_USER,
  CHATKEEP_UPLOADS_PER_USER
                           what one user may take of a server (200, 32, 1000000, 64, 128, 2, 8)
  CHATKEEP_BODY_MEGABYTES, CHATKEEP_ANSWER_MEGABYTES
                           and all of them together (256, 512)
  CHATKEEP_FILE_MEGABYTES_PER_USER
                           of all files that a user's messages name (1024)
  CHATKEEP_QUOTAS          what each user may take: messages/day=200,tokens/month=2000000,bytes=1000000000 (none)
  CHATKEEP_ANONYMOUS       "on": people may begin without an account (off)
  CHATKEEP_ANONYMOUS_DAYS  after which such a user is removed who does nothing (30)
  CHATKEEP_SIGN_UP         "invited": accounts are made by whoever has an invitation;
                           "closed": by chatkeep users create alone (open)
  CHATKEEP_SMTP_URL        smtp://user:password@host:587, for forgotten passwords, addresses and invitations
  CHATKEEP_MAIL_FROM       whom these mails are from, such as Our chat <chat@example.com>
  CHATKEEP_OIDC_ISSUER, CHATKEEP_OIDC_CLIENT_ID, CHATKEEP_OIDC_CLIENT_SECRET, CHATKEEP_OIDC_NAME
                           people sign in by this provider of OpenID Connect too, called so (its host); it sends
                           them back to CHATKEEP_URL/api/auth/callback/oidc
  CHATKEEP_SHARING         "off": users make no links by which anybody reads a conversation (on)
  CHATKEEP_TRASH_DAYS      for so many days what is deleted can be restored; 0: not at all (30)
  CHATKEEP_RETENTION_DAYS, CHATKEEP_RETENTION_ARCHIVED_DAYS
                           after so many days without a change a conversation, or one in the archive, is removed
                           for good, unless it is pinned (never)
  CHATKEEP_CORS_ORIGINS    other origins whose pages may ask /v1, with commas between (none)
  CHATKEEP_TRUST_PROXY     "true" when a proxy of yours sets X-Forwarded-For
  CHATKEEP_METRICS_TOKEN   whoever shows it reads /metrics (none: there is no such address)
  CHATKEEP_SLOW_STATEMENT_MS
                           after which a statement is named in the log; 0: never (1000)
  CHATKEEP_LOG             debug, info, warn, error or silent (info)`;
