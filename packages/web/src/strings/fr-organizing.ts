/** Ce qui est dit des projets, des étiquettes et de plusieurs conversations à la fois, en français. */
import type { Strings } from "./en.ts";

export const organizing: Pick<Strings, "projects" | "select" | "tags"> = {
  projects: {
    title: "Projets",
    create: "Nouveau projet",
    edit: "Modifier le projet",
    name: "Nom",
    instructionsHint: "Ce qui est dit à chaque modèle dans les conversations de ce projet.",
    model: "Modèle des nouvelles conversations",
    all: (count) => `Les ${count} projets`,
    fewer: "Afficher moins",
    chats: "Conversations de ce projet",
    empty: "Aucune conversation dans ce projet. Ce que vous demandez ci-dessus en commence une.",
    gone: "Ce projet n’existe pas, ou plus.",
    move: "Déplacer vers un projet",
    moveTitle: (count) => (count === 1 ? "Déplacer cette conversation" : `Déplacer ${count} conversations`),
    moved: (count) => (count < 2 ? `${count} conversation déplacée` : `${count} conversations déplacées`),
    none: "Aucun projet",
    newName: "Nom d’un nouveau projet",
    createAndMove: "Créer et déplacer",
    delete: "Supprimer le projet",
    deleteTitle: (name) => `Supprimer le projet «\u202f${name}\u202f»\u202f?`,
    deleteText: "Ses conversations restent, sans projet.",
  },

  select: {
    begin: "En sélectionner plusieurs",
    label: "Que faire des conversations sélectionnées",
    chosen: (count) => (count < 2 ? `${count} sélectionnée` : `${count} sélectionnées`),
    archived: (count) => (count < 2 ? `${count} conversation archivée` : `${count} conversations archivées`),
    deleted: (count) => (count < 2 ? `${count} conversation supprimée` : `${count} conversations supprimées`),
    end: "Terminer la sélection",
  },

  tags: {
    title: "Étiquettes",
    ofChat: "Étiquettes de cette conversation",
    edit: "Étiquettes",
    none: "Cette conversation n’a pas d’étiquettes.",
    new: "Une étiquette",
    add: "Ajouter",
    remove: (tag) => `Retirer ${tag}`,
    all: (count) => `Les ${count} étiquettes`,
    nothing: "Aucune conversation n’a cette étiquette.",
  },
};
