import { describe, expect, it } from "vitest";
import { readConfig, takeEnvironment } from "../src/config.ts";

const secret = "x".repeat(32);
const read = (environment: Record<string, string>) => readConfig({}, environment);

describe("the configuration", () => {
  it("needs nothing", () => {
    expect(read({})).toMatchObject({
      port: 3000,
      host: "127.0.0.1",
      url: "http://127.0.0.1:3000",
      database: { engine: "pglite", dataDir: expect.stringMatching(/\.chatkeep\/db$/) },
      model: undefined,
      otherModels: [],
      titles: true,
    });
    expect(read({ PORT: "", DATABASE_URL: "", CHATKEEP_MODEL: "" })).toEqual(read({}));
  });

  it("takes the public address as browsers name it", () => {
    const url = (text: string) => read({ CHATKEEP_URL: text }).url;
    expect(url("HTTPS://Chat.Example.COM:443/")).toBe("https://chat.example.com");
    expect(url("http://bücher.example:8080//")).toBe("http://xn--bcher-kva.example:8080");
  });

  it("takes several endpoints, each with its key, and says which model is the usual one", () => {
    const providers = JSON.stringify([
      { baseUrl: "http://one/v1/", apiKey: "k1", models: ["a", { id: "b", name: "B", without: ["tools"] }] },
      { baseUrl: "http://two/v1", models: ["c"], historyTokens: 900 },
    ]);
    const [a, b, c] = [
      { id: "a", apiKey: "k1", baseUrl: "http://one/v1" },
      { id: "b", apiKey: "k1", baseUrl: "http://one/v1", name: "B", without: ["tools"] },
      { id: "c", apiKey: undefined, baseUrl: "http://two/v1", historyTokens: 900 },
    ];
    const models = (more: object) => {
      const { model, otherModels } = read({ CHATKEEP_PROVIDERS: providers, ...more });
      return [model, otherModels];
    };
    expect(models({})).toEqual([a, [b, c]]);
    expect(models({ CHATKEEP_MODEL: "B", CHATKEEP_MODELS: "offline" })).toEqual([b, [a, c, "offline"]]);
    expect(models({ CHATKEEP_MODEL: "offline" })).toEqual([undefined, [a, b, c]]);
    const own = { id: "d", apiKey: "k", baseUrl: "https://api.openai.com/v1" };
    expect(models({ CHATKEEP_MODEL: "d", OPENAI_API_KEY: "k" })).toEqual([own, [a, b, c]]);
  });

  it("knows PostgreSQL from Neon, and a model with its endpoint", () => {
    const pg = "postgres://u:p@db.example:5432/chat";
    const neon = "postgresql://u:p@ep-cool-1234-pooler.eu-central-1.aws.neon.tech/neondb?sslmode=require";
    expect(read({ DATABASE_URL: pg, CHATKEEP_SECRET: secret }).database).toEqual({ engine: "pg", url: pg });
    expect(read({ DATABASE_URL: neon, CHATKEEP_SECRET: secret }).database).toEqual({ engine: "neon", url: neon });
    expect(read({ CHATKEEP_MODEL: "m", OPENAI_API_KEY: "k" }).model?.baseUrl).toBe("https://api.openai.com/v1");
    expect(read({ CHATKEEP_MODEL: "m", OPENAI_BASE_URL: "http://127.0.0.1:11434/v1/" }).model).toEqual({
      id: "m",
      apiKey: undefined,
      baseUrl: "http://127.0.0.1:11434/v1",
    });
    expect(
      read({
        CHATKEEP_MODEL: "m",
        OPENAI_API_KEY: "k",
        CHATKEEP_MODEL_WITHOUT: "tools, files",
        CHATKEEP_MODEL_HISTORY: "900",
      }).model,
    ).toMatchObject({ without: ["tools", "files"], historyTokens: 900 });
  });

  it.each([
    [{ PORT: "http" }, /^PORT must be a whole number from 0 to 65535\.$/],
    [{ PORT: "70000" }, /^PORT must be a whole number/],
    [{ DATABASE_URL: "mysql://x" }, /^DATABASE_URL must begin with postgres:\/\/\.$/],
    [{ DATABASE_REPLICA_URL: "postgres://u@x/y" }, /^DATABASE_REPLICA_URL is set without DATABASE_URL/],
    [{ DATABASE_URL: "postgres://u@x/y", DATABASE_REPLICA_URL: "mysql://x" }, /^DATABASE_REPLICA_URL must begin/],
    [{ DATABASE_URL: "postgres://u@x/y" }, /^CHATKEEP_SECRET must be set when DATABASE_URL is/],
    [{ CHATKEEP_SECRET: "short" }, /^CHATKEEP_SECRET must have at least 32 characters/],
    [{ PORT: " " }, /^PORT must be a whole number/],
    [{ PORT: "0x50" }, /^PORT must be a whole number/],
    [{ PORT: "3e3" }, /^PORT must be a whole number/],
    [{ DATABASE_URL: "postgres://x/y" }, /^DATABASE_URL must name a user/],
    [{ DATABASE_URL: "postgres://u@x" }, /^DATABASE_URL must name a database/],
    [{ DATABASE_URL: "postgres:///y" }, /^DATABASE_URL must name a host/],
    [
      { DATABASE_URL: "postgres://u:a#b@x/y" },
      /^DATABASE_URL cannot be read: write special characters of the password as %23/,
    ],
    [{ DATABASE_URL: "postgres://u:50%@x/y" }, /^DATABASE_URL cannot be read/],
    [{ DATABASE_URL: "postgres://u@x/y?sslmode=on" }, /^DATABASE_URL must have as its sslmode one of disable, prefer/],
    [{ DATABASE_URL: "postgres://u@x/y?sslrootcert=/none.pem" }, /^DATABASE_URL names a file that is not there/],
    [{ CHATKEEP_URL: "example.com" }, /^CHATKEEP_URL must be an http address\.$/],
    [{ CHATKEEP_URL: "https://example.com/chat" }, /^CHATKEEP_URL must be an address without a path/],
    [{ CHATKEEP_URL: "https://example.com/?a=1" }, /^CHATKEEP_URL must end after the host/],
    [{ CHATKEEP_URL: "https://example.com#top" }, /^CHATKEEP_URL must end after the host/],
    [{ CHATKEEP_URL: "https://example.com?" }, /^CHATKEEP_URL must end after the host/],
    [{ CHATKEEP_URL: "https://ann:secret@example.com" }, /^CHATKEEP_URL must not have a user or a password/],
    [{ CHATKEEP_URL: "https://example.com." }, /^CHATKEEP_URL must have a host that does not end with a dot/],
    [{ CHATKEEP_URL: "http://0.0.0.0:3000" }, /^CHATKEEP_URL must have a host that people can open/],
    [{ CHATKEEP_MODEL: "gpt" }, /^OPENAI_API_KEY must be set when CHATKEEP_MODEL is/],
    [{ CHATKEEP_MODEL_WITHOUT: "tools, speed" }, /^CHATKEEP_MODEL_WITHOUT must be any of tools, system, reasoning/],
    [{ CHATKEEP_MODELS: "gpt" }, /^OPENAI_API_KEY must be set when CHATKEEP_MODELS has gpt/],
    [{ CHATKEEP_PROVIDERS: "[{" }, /^CHATKEEP_PROVIDERS must be a list of endpoints as JSON\.$/],
    [{ CHATKEEP_PROVIDERS: "[]" }, /^CHATKEEP_PROVIDERS must name at least one endpoint\.$/],
    [{ CHATKEEP_PROVIDERS: '[{"models":["a"]}]' }, /^CHATKEEP_PROVIDERS\.0\.baseUrl must be an http address\.$/],
    [
      { CHATKEEP_PROVIDERS: '[{"baseUrl":"http://a/v1","models":["a"],"key":"sk-1"}]' },
      /^CHATKEEP_PROVIDERS\.0 must not have key\.$/,
    ],
    [
      { CHATKEEP_PROVIDERS: '[{"baseUrl":"http://a/v1","models":["a",{"id":"a"}]}]' },
      /^CHATKEEP_PROVIDERS has a second model a/,
    ],
    [
      { CHATKEEP_PROVIDERS: '[{"baseUrl":"http://a/v1","models":["offline"]}]' },
      /^CHATKEEP_PROVIDERS has a second model offline, or one with the name of the built-in/,
    ],
    [{ CHATKEEP_MODEL_HISTORY: "all" }, /^CHATKEEP_MODEL_HISTORY must be a whole number from 500 to 1000000\.$/],
    [{ OPENAI_BASE_URL: "nowhere" }, /^OPENAI_BASE_URL must be an http address\.$/],
    [{ CHATKEEP_LEASE_SECONDS: "1" }, /^CHATKEEP_LEASE_SECONDS must be a whole number from 2 to 600\.$/],
    [{ CHATKEEP_LOG: "loud" }, /^CHATKEEP_LOG must be one of debug, info/],
    ...[
      "x",
      "messages=-1",
      "messages/week=1",
      "bytes/day=1",
      "messages=1,messages/total=2",
      "tokens=1e9",
      "messages=1,",
    ].map((quotas) => [{ CHATKEEP_QUOTAS: quotas }, /^CHATKEEP_QUOTAS must be quotas, such as messages\/day=200/]),
    ...["https://example.com/files", "s3://B", "s3://"].map((files) => [
      { CHATKEEP_FILES: files },
      /^CHATKEEP_FILES must be the path of a folder, or s3:\/\/bucket\/prefix\.$/,
    ]),
    [{ CHATKEEP_FILES: "s3://files" }, /^AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set when CHATKEEP_FILES/],
    [
      {
        CHATKEEP_FILES: "s3://files",
        AWS_ACCESS_KEY_ID: "a",
        AWS_SECRET_ACCESS_KEY: "b",
        AWS_ENDPOINT_URL_S3: "minio",
      },
      /^AWS_ENDPOINT_URL_S3 must be an address/,
    ],
    [{ CHATKEEP_SMTP_URL: "mail.example.com" }, /^CHATKEEP_SMTP_URL must be an address, such as smtp:/],
    [{ CHATKEEP_SMTP_URL: "smtp://mail.example.com" }, /^CHATKEEP_MAIL_FROM must be set when CHATKEEP_SMTP_URL is/],
    [{ CHATKEEP_MAIL_FROM: "a@example.com" }, /^CHATKEEP_SMTP_URL must be set when CHATKEEP_MAIL_FROM is/],
    [{ CHATKEEP_MAIL_FROM: "Our chat <a@example.com" }, /^CHATKEEP_MAIL_FROM must be an address/],
    [{ CHATKEEP_MAIL_FROM: "a@example.com\nbcc: b@example.com" }, /^CHATKEEP_MAIL_FROM must be an address/],
    [{ CHATKEEP_SIGN_UP: "some" }, /^CHATKEEP_SIGN_UP must be "open", "invited" or "closed"/],
    [{ CHATKEEP_METRICS_TOKEN: "short" }, /^CHATKEEP_METRICS_TOKEN must have at least 16 characters/],
    [{ CHATKEEP_METRICS_TOKEN: "has a space in its middle" }, /^CHATKEEP_METRICS_TOKEN must have/],
    [{ CHATKEEP_SLOW_STATEMENT_MS: "-1" }, /^CHATKEEP_SLOW_STATEMENT_MS must be a whole number from 0 to 600000\.$/],
    [{ CHATKEEP_TRASH_DAYS: "3651" }, /^CHATKEEP_TRASH_DAYS must be a whole number from 0 to 3650\.$/],
    [{ CHATKEEP_RETENTION_DAYS: "0" }, /^CHATKEEP_RETENTION_DAYS must be a whole number from 1 to 36500\.$/],
    [{ CHATKEEP_RETENTION_ARCHIVED_DAYS: "soon" }, /^CHATKEEP_RETENTION_ARCHIVED_DAYS must be/],
    [{ CHATKEEP_TITLES: "yes" }, /^CHATKEEP_TITLES must be "on" or "off"\.$/],
    [{ CHATKEEP_UPLOADS_PER_USER: "0" }, /^CHATKEEP_UPLOADS_PER_USER must be a whole number/],
    [{ CHATKEEP_FILE_MEGABYTES_PER_USER: "all" }, /^CHATKEEP_FILE_MEGABYTES_PER_USER must be a whole number/],
    [{ CHATKEEP_TRUST_PROXY: "maybe" }, /^CHATKEEP_TRUST_PROXY must be "true" or "false"\.$/],
  ] as [Record<string, string>, RegExp][])("refuses %o in one sentence", (environment, sentence) => {
    expect(() => read(environment)).toThrow(
      expect.objectContaining({ code: "invalid_input", message: expect.stringMatching(sentence) }),
    );
  });
});

it("what other applications have in the environment is out of reach once it was taken", () => {
  const foreign = [
    "BETTER_AUTH_SECRET",
    "BETTER_AUTH_SECRETS",
    "AUTH_SECRET",
    "BETTER_AUTH_URL",
    "BETTER_AUTH_TRUSTED_ORIGINS",
    "BETTER_AUTH_TELEMETRY",
    "BASE_URL",
    "PGHOST",
    "PGUSER",
    "PGPASSWORD",
    "PGOPTIONS",
    "PGSSLMODE",
    "PGAPPNAME",
    "PGPASSFILE",
    "NODE_PG_FORCE_NATIVE",
    "USER",
    "OPENAI_API_KEY",
    "AI_SDK_LOG_WARNINGS",
    "DATABASE_URL",
  ];
  const before = { ...process.env };
  try {
    for (const name of foreign) process.env[name] = "foreign";
    const taken = takeEnvironment();
    expect(foreign.filter((name) => process.env[name] !== undefined)).toEqual([]);
    expect([taken["PGHOST"], process.env["PATH"], process.env["NODE_ENV"]]).toEqual([
      "foreign",
      before["PATH"],
      "production",
    ]);
  } finally {
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, before);
  }
});
