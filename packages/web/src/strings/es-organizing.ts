/** Lo que se dice de proyectos, etiquetas y varios chats a la vez, en español. */
import type { Strings } from "./en.ts";

export const organizing: Pick<Strings, "projects" | "select" | "tags"> = {
  projects: {
    title: "Proyectos",
    create: "Nuevo proyecto",
    edit: "Editar proyecto",
    name: "Nombre",
    instructionsHint: "Lo que se le dice a cada modelo en los chats de este proyecto.",
    model: "Modelo de los chats nuevos",
    all: (count) => `Los ${count} proyectos`,
    fewer: "Mostrar menos",
    chats: "Chats de este proyecto",
    empty: "Todavía no hay chats en este proyecto. Lo que preguntes arriba empieza uno.",
    gone: "Este proyecto no existe, o ya no.",
    move: "Mover a un proyecto",
    moveTitle: (count) => (count === 1 ? "Mover este chat" : `Mover ${count} chats`),
    moved: (count) => (count === 1 ? "1 chat movido" : `${count} chats movidos`),
    none: "Ningún proyecto",
    newName: "Nombre de un proyecto nuevo",
    createAndMove: "Crear y mover",
    delete: "Eliminar proyecto",
    deleteTitle: (name) => `¿Eliminar el proyecto «${name}»?`,
    deleteText: "Sus chats se conservan, sin proyecto.",
  },

  select: {
    begin: "Seleccionar varios",
    label: "Qué hacer con los chats seleccionados",
    chosen: (count) => `${count} seleccionados`,
    archived: (count) => (count === 1 ? "1 chat archivado" : `${count} chats archivados`),
    deleted: (count) => (count === 1 ? "1 chat eliminado" : `${count} chats eliminados`),
    end: "Dejar de seleccionar",
  },

  tags: {
    title: "Etiquetas",
    ofChat: "Etiquetas de este chat",
    edit: "Etiquetas",
    none: "Este chat no tiene etiquetas.",
    new: "Una etiqueta",
    add: "Añadir",
    remove: (tag) => `Quitar ${tag}`,
    all: (count) => `Las ${count} etiquetas`,
    nothing: "Ningún chat tiene esta etiqueta.",
  },
};
