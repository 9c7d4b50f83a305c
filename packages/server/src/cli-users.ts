/** chatkeep users: the commands, which commands/users.ts does. */
import type { Command } from "commander";
import { print } from "./cli-print.ts";
import { userInWords } from "./commands/in-words.ts";
import { type Environment, readConfig, readDatabaseConfig } from "./config.ts";

export function addUserCommands(program: Command, taken: Environment): void {
  const users = program
    .command("users")
    .description("Accounts: where sign-up is closed, and where a password was forgotten");

  users
    .command("list")
    .description("List the accounts, in the order in which they were made")
    .option("--json", "print the list as JSON")
    .action(async ({ json }: { json?: boolean }) => {
      const { listUsers } = await import("./commands/users.ts");
      const list = await listUsers(readDatabaseConfig(taken));
      if (json) print(list);
      else console.log(list.map(userInWords).join("\n") || "There is none.");
    });

  users
    .command("create")
    .description("Make an account, and print its password: it is shown this once")
    .requiredOption("--email <address>", "whose")
    .requiredOption("--name <name>", "as it is shown")
    .option("--json", "print all of it as JSON")
    .action(async ({ json, ...request }: { email: string; name: string; json?: boolean }) => {
      const { makeUser } = await import("./commands/users.ts");
      const made = await makeUser(readDatabaseConfig(taken), request);
      if (json) print(made);
      else console.log(made.password);
    });

  users
    .command("password")
    .description(
      "Set a new password, and print it: it is shown this once; all sessions end, on servers that run within five seconds",
    )
    .argument("<email>", "whose")
    .action(async (email: string) => {
      const { resetPassword } = await import("./commands/users.ts");
      console.log((await resetPassword(readDatabaseConfig(taken), email)).password);
    });

  users
    .command("admin")
    .description(
      "Make somebody an administrator, who sees who there is, and may invite and remove them; or not any more",
    )
    .argument("<email>", "whose")
    .option("--off", "not any more")
    .action(async (email: string, { off }: { off?: boolean }) => {
      const { makeAdmin } = await import("./commands/users.ts");
      await makeAdmin(readDatabaseConfig(taken), email, off !== true);
    });

  users
    .command("invite")
    .description("Print a link by which somebody makes an account, within a week: it is shown this once")
    .argument("<email>", "whom")
    .action(async (email: string) => {
      const { inviteUser } = await import("./commands/users.ts");
      console.log((await inviteUser(readDatabaseConfig(taken), readConfig({}, taken).url, email)).link);
    });

  users
    .command("delete")
    .description("Remove an account with all there is of it, for good, and print the receipt")
    .argument("<email>", "whose")
    .requiredOption("--yes", "that it is meant")
    .action(async (email: string) => {
      const { removeUser } = await import("./commands/users.ts");
      print(await removeUser(readDatabaseConfig(taken), email));
    });
}
