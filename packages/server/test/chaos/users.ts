/** People who write, ask, follow and stop, several at once in the same conversations, until they are told to come to an end. */
import { randomUUID } from "node:crypto";
import { ask, type Client, follow, GaveUp, insist, type Site } from "./client.ts";
import type { User } from "./journal.ts";
import { randomFrom } from "./random.ts";

export interface Work extends Site {
  seed: number;
  users: number;
  /** How many devices each of them appends with, and asks with, all at once. */
  writing: number;
  asking: number;
  isOver(): boolean;
}

/** Comes back when everybody has finished what they had begun. */
export async function work(site: Work): Promise<void> {
  const people = Array.from({ length: site.users }, (_, index) => live(site, index));
  await Promise.all(people);
}

async function live(site: Work, index: number): Promise<void> {
  const user: User = { name: `user-${index}-${randomUUID()}`, token: "" };
  const conversationIds: string[] = [];
  const clientOf = (device: number): Client => ({
    ...site,
    user,
    random: randomFrom(site.seed, `user ${index}, device ${device}`),
  });
  await withoutGivingUp(site, async () => {
    const first = clientOf(-1);
    await signUp(first);
    for (let count = 0; count < 3; count += 1) await create(first, conversationIds);
    const devices = Array.from({ length: site.writing + site.asking }, (_, device) => clientOf(device));
    await Promise.all(
      devices.map((client, device) => use(site, client, conversationIds, device < site.writing ? write : converse)),
    );
  });
}

async function withoutGivingUp({ journal }: Site, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof GaveUp)) throw error;
    journal.gaveUp += 1;
  }
}

/** An answer may be lost after the account was made; then the same password signs in. */
async function signUp(client: Client): Promise<void> {
  const { user, journal } = client;
  const email = `${user.name}@example.com`;
  const body = { name: user.name, email, password: "correct horse" };
  const { token } = await insist<{ token: string }>(client, "POST", "/api/auth/sign-up/email", body, {
    path: "/api/auth/sign-in/email",
    body: { email, password: body.password },
  });
  user.token = token;
  journal.users.push(user);
}

async function use(
  site: Work,
  client: Client,
  conversationIds: string[],
  act: (client: Client, conversationId: string) => Promise<void>,
): Promise<void> {
  const { random } = client;
  while (!site.isOver()) {
    const isNew = random.chance(0.03);
    await withoutGivingUp(site, () =>
      isNew ? create(client, conversationIds) : act(client, random.pick(conversationIds)),
    );
    await new Promise((resolve) => setTimeout(resolve, random.between(0, 20)));
  }
}

async function create(client: Client, conversationIds: string[]): Promise<void> {
  const { journal, user, random } = client;
  const id = randomUUID();
  const known = { user, isAcknowledged: false };
  journal.conversations.set(id, known);
  const first = random.chance(0.5) ? journal.append(id, [random.between(0, 50), random.between(0, 500)]) : undefined;
  await insist(client, "POST", "/api/conversations", {
    id,
    title: "Chaos",
    ...(first && { messages: first.messages }),
  });
  known.isAcknowledged = true;
  if (first) first.isAcknowledged = true;
  conversationIds.push(id);
}

/** Mostly a pair, sometimes several. */
async function write(client: Client, conversationId: string): Promise<void> {
  const { journal, random } = client;
  const pairs = random.chance(0.2) ? random.between(2, 4) : 1;
  const sizes = Array.from({ length: 2 * pairs }, (_, index) => random.between(0, index % 2 === 0 ? 20 : 1_500));
  const sent = journal.append(conversationId, sizes);
  await insist(client, "POST", `/api/conversations/${conversationId}/messages`, { messages: sent.messages });
  sent.isAcknowledged = true;
}

/** Asks; now and then somebody reads along from the beginning, or stops it. */
async function converse(client: Client, conversationId: string): Promise<void> {
  const { journal, random } = client;
  const question = journal.question(
    conversationId,
    random.chance(0.25) ? random.between(150, 300) : random.between(5, 80),
  );
  const stopsAt = random.chance(0.2) ? random.between(2, 20) : 0;
  const followsAt = random.chance(0.4) ? random.between(1, 10) : 0;
  const beside: Promise<void>[] = [];
  const onEvent = (number: number) => {
    if (number === stopsAt) beside.push(stop(client, conversationId));
    if (number === followsAt) beside.push(follow(client, conversationId));
  };
  await ask(client, question, onEvent);
  const ends = await Promise.allSettled(beside);
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
}

async function stop(client: Client, conversationId: string): Promise<void> {
  await insist(client, "POST", `/api/chat/${conversationId}/stop`, {});
  client.journal.stops += 1;
}
