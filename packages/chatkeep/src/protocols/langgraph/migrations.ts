/** The migrations of the checkpoint tables, which are beside those of chats and only for who wants them. */
import { quote } from "../../sql/sql.ts";
import type { Migration } from "../../store/migration.ts";
import type { ChatTables } from "../../store/tables/tables.ts";

/**
 * What `migrate` needs to make the tables `checkpoint`, `checkpoint_blob` and `checkpoint_write` beside the host's user table,
 * with real foreign keys to it. `tables` are those of `chatTables`, or with Drizzle of `chatModels`; the chat tables themselves
 * need not be there. Their names in the record of migrations begin with `langgraph_`.
 * @throws TypeError for what is no tables
 */
export function langgraphMigrations(tables: ChatTables): Migration[] {
  const { attachment } = (tables ?? {}) as Partial<ChatTables>;
  if (!attachment) {
    throw new TypeError("langgraphMigrations needs the tables that chatTables makes, or with Drizzle chatModels.");
  }
  const { schema, user, userType } = attachment;
  const inSchema = schema === undefined ? "" : `${quote(schema)}.`;
  const references =
    user && `${user.schema ? `${quote(user.schema)}.` : ""}${quote(user.table)}(${quote(user.column)})`;
  return [
    {
      name: "langgraph_0001_checkpoints",
      sql: [...tableStatements(inSchema, userType), ...(references ? foreignKeys(inSchema, references) : [])].join(
        "\n--> statement-breakpoint\n",
      ),
    },
  ];
}

/** Ids and names are ordered by their bytes, as LangGraph orders them, whatever the language of the database. */
const name = 'text COLLATE "C"';

function tableStatements(schema: string, userType: string): string[] {
  const place = `
  "user_id" ${userType} NOT NULL,
  "thread_id" ${name} NOT NULL,
  "checkpoint_ns" ${name} NOT NULL,
  "checkpoint_id" ${name} NOT NULL`;
  return [
    `CREATE TABLE ${schema}"checkpoint" (${place},
  "parent_checkpoint_id" ${name},
  "type" text NOT NULL,
  "value" bytea NOT NULL,
  "metadata_type" text NOT NULL,
  "metadata" bytea NOT NULL,
  "channels" jsonb NOT NULL,
  "created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
  CONSTRAINT "checkpoint_pkey" PRIMARY KEY("user_id","thread_id","checkpoint_ns","checkpoint_id")
);`,
    `CREATE TABLE ${schema}"checkpoint_blob" (${place},
  "channel" ${name} NOT NULL,
  "version" ${name} NOT NULL,
  "type" text NOT NULL,
  "value" bytea NOT NULL,
  CONSTRAINT "checkpoint_blob_pkey" PRIMARY KEY("user_id","thread_id","checkpoint_ns","channel","version","checkpoint_id")
);`,
    `CREATE TABLE ${schema}"checkpoint_write" (${place},
  "task_id" ${name} NOT NULL,
  "idx" integer NOT NULL,
  "task_path" ${name} NOT NULL,
  "channel" ${name} NOT NULL,
  "type" text NOT NULL,
  "value" bytea NOT NULL,
  "created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
  CONSTRAINT "checkpoint_write_pkey" PRIMARY KEY("user_id","thread_id","checkpoint_ns","checkpoint_id","task_id","idx")
);`,
  ];
}

function foreignKeys(schema: string, references: string): string[] {
  return ["checkpoint", "checkpoint_blob", "checkpoint_write"].map(
    (table) =>
      `ALTER TABLE ${schema}"${table}" ADD CONSTRAINT "${table}_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES ${references} ON DELETE cascade ON UPDATE no action;`,
  );
}
