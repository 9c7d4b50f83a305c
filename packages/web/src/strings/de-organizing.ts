/** Was zu Projekten, Schlagwörtern und mehreren Chats auf einmal gesagt wird, auf Deutsch. */
import type { Strings } from "./en.ts";

export const organizing: Pick<Strings, "projects" | "select" | "tags"> = {
  projects: {
    title: "Projekte",
    create: "Neues Projekt",
    edit: "Projekt bearbeiten",
    name: "Name",
    instructionsHint: "Was jedem Modell in den Chats dieses Projekts gesagt wird.",
    model: "Modell neuer Chats",
    all: (count) => `Alle ${count} Projekte`,
    fewer: "Weniger zeigen",
    chats: "Chats in diesem Projekt",
    empty: "Noch ist kein Chat in diesem Projekt. Was du oben fragst, beginnt einen.",
    gone: "Dieses Projekt gibt es nicht, oder nicht mehr.",
    move: "In ein Projekt verschieben",
    moveTitle: (count) => (count === 1 ? "Diesen Chat verschieben" : `${count} Chats verschieben`),
    moved: (count) => (count === 1 ? "1 Chat verschoben" : `${count} Chats verschoben`),
    none: "Kein Projekt",
    newName: "Name eines neuen Projekts",
    createAndMove: "Anlegen und verschieben",
    delete: "Projekt löschen",
    deleteTitle: (name) => `Das Projekt „${name}“ löschen?`,
    deleteText: "Seine Chats bleiben, und sind in keinem Projekt.",
  },

  select: {
    begin: "Mehrere auswählen",
    label: "Was mit den ausgewählten Chats geschehen soll",
    chosen: (count) => `${count} ausgewählt`,
    archived: (count) => (count === 1 ? "1 Chat archiviert" : `${count} Chats archiviert`),
    deleted: (count) => (count === 1 ? "1 Chat gelöscht" : `${count} Chats gelöscht`),
    end: "Auswahl beenden",
  },

  tags: {
    title: "Schlagwörter",
    ofChat: "Schlagwörter dieses Chats",
    edit: "Schlagwörter",
    none: "Dieser Chat hat keine Schlagwörter.",
    new: "Ein Schlagwort",
    add: "Hinzufügen",
    remove: (tag) => `${tag} entfernen`,
    all: (count) => `Alle ${count} Schlagwörter`,
    nothing: "Kein Chat hat dieses Schlagwort.",
  },
};
