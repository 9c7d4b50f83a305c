/** What a session needs, whatever was set for its database or its role: how values are written as text, and read again. */

/** All of them, for a connection that stays one session. */
export const sessionSettingsByName = {
  DateStyle: "ISO, MDY",
  IntervalStyle: "postgres",
  TimeZone: "UTC",
  standard_conforming_strings: "on",
  client_encoding: "UTF8",
  bytea_output: "hex",
  extra_float_digits: "1",
  array_nulls: "on",
  transform_null_equals: "off",
  row_security: "on",
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
  lock_timeout: "0",
};

/** Those that a pooler keeps for its client when it gives it another connection; others would reach whoever comes next. */
const kept = ["DateStyle", "IntervalStyle", "TimeZone", "standard_conforming_strings", "client_encoding"];

const statement = (entries: [string, string][]) =>
  `select ${entries.map(([name, value]) => `set_config('${name}', '${value}', false)`).join(", ")}`;

/** One statement, to be the first of a connection. */
export const sessionSettings = statement(Object.entries(sessionSettingsByName));

/** The same behind a pooler that gives each transaction another connection. */
export const pooledSessionSettings = statement(
  Object.entries(sessionSettingsByName).filter(([name]) => kept.includes(name)),
);
