/** The archive, and branches: nothing is overwritten, and what is shown is chosen. */
import { expect } from "vitest";
import type { ConformanceCase, Subject } from "../subject.ts";
import { begin, listAll, message, readAll } from "../tools.ts";

function archiveOf({ archive }: Subject) {
  if (!archive) throw new Error("this subject has no archive");
  return archive;
}

export const archiveCases: ConformanceCase[] = [
  {
    id: "S.1",
    title: "what is in the archive is not listed, loses nothing, and comes back to its place",
    needs: ["archive"],
    run: async ({ subject, store }) => {
      const { userId, id } = await begin(store);
      const other = await store.createConversation(userId);
      await store.append(userId, id, [message("kept")]);
      const before = [await listAll(store, userId), await readAll(store, userId, id)];
      await archiveOf(subject).archive(userId, id, true);
      expect(await listAll(store, userId)).toEqual([other.id]);
      expect(await readAll(store, userId, id)).toEqual(before[1]);
      await archiveOf(subject).archive(userId, id, false);
      expect([await listAll(store, userId), await readAll(store, userId, id)]).toEqual(before);
    },
  },
  {
    id: "S.2",
    title: "a new version is a sibling: the old one and all below it are kept, and can be shown again",
    needs: ["archive"],
    run: async ({ subject, store }) => {
      const { userId, id } = await begin(store);
      const line = [message("1"), message("2"), message("3"), message("4")];
      for (const each of line) await store.append(userId, id, [each]);
      const [one, two] = line as [(typeof line)[0], (typeof line)[0]];
      const version = message("another 2");
      const { appendBelow, show, shown } = archiveOf(subject);
      await appendBelow(userId, id, one.id, version);
      expect(await shown(userId, id)).toEqual([one.id, version.id]);
      await show(userId, id, two.id);
      expect(await shown(userId, id)).toEqual(line.map((each) => each.id));
      await show(userId, id, version.id);
      expect(await shown(userId, id)).toEqual([one.id, version.id]);
      const all = await readAll(store, userId, id);
      expect(all.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
      expect(all.map((each) => each.id)).toEqual([...line, version].map((each) => each.id));
    },
  },
  {
    id: "S.3",
    title: "another's conversation is neither archived nor shown otherwise",
    needs: ["archive"],
    run: async ({ subject, store }) => {
      const [ann, bob] = [await begin(store), await begin(store)];
      const [first, second] = [message("1"), message("2")];
      await store.append(ann.userId, ann.id, [first, second]);
      const { archive, show, shown } = archiveOf(subject);
      for (const act of [() => archive(bob.userId, ann.id, true), () => show(bob.userId, ann.id, first.id)]) {
        const error: unknown = await act().catch((thrown: unknown) => thrown);
        expect(store.codeOf(error)).toBe("not_found");
      }
      expect(await listAll(store, ann.userId)).toEqual([ann.id]);
      expect(await shown(ann.userId, ann.id)).toEqual([first.id, second.id]);
    },
  },
];
