/** Ce que dit la page du compte, en français. */
import type { Strings } from "./en.ts";

export const account: Pick<Strings, "account" | "usage" | "keys" | "sharing"> = {
  account: {
    of: "Compte de",
    title: "Compte",
    signOut: "Se déconnecter",
    draftsTitle: "Se déconnecter avec un texte non envoyé\u202f?",
    draftsText: "Vous avez écrit ici un texte qui n’a pas été envoyé. La déconnexion l’effacera de ce navigateur.",
    signOutAnyway: "Se déconnecter et l’effacer",
    profile: "Profil",
    name: "Nom",
    saved: "Enregistré.",
    password: "Mot de passe",
    current: "Mot de passe actuel",
    new: "Nouveau mot de passe",
    changePassword: "Changer le mot de passe",
    passwordChanged: "Le mot de passe a été changé.",
    look: "Apparence",
    theme: "Thème",
    themes: { system: "Système", light: "Clair", dark: "Sombre" },
    language: "Langue",
    notices: "M’avertir quand une réponse est prête et que je suis ailleurs",
    noticesHint: "Dans ce navigateur, tant que la page y reste ouverte.",
    noticesRefused:
      "Ce navigateur bloque les notifications de cette page\u202f: vous pouvez changer cela dans ses réglages.",
    answerReady: "La réponse est prête",
    devices: "Appareils",
    thisDevice: "cet appareil",
    signedIn: (time) => `connecté le ${time}`,
    unknownDevice: "Appareil inconnu",
    signOutDevice: (device) => `Déconnecter ${device}`,
    data: "Vos données",
    export: "Tout exporter",
    exportHint: "Votre compte, vos tâches, vos conversations et vos messages, au format JSON Lines.",
    import: "Importer",
    importHint:
      "Déposez ici l’export d’un autre produit, ou choisissez-le\u202f: ChatGPT, Claude, Gemini, Grok, DeepSeek, Copilot, Le Chat, Open WebUI, LibreChat, LobeHub et d’autres, en ZIP, JSON ou CSV. Importer à nouveau le même fichier n’ajoute que ce qui manque.",
    choose: "Choisir des fichiers",
    sending: (file) => `Envoi de ${file}…`,
    importing: (file, percent) => `Import de ${file}\u202f: ${percent}\u202f%`,
    cancelImport: "Annuler",
    importCancelled:
      "Import annulé. Ce qui a déjà été importé est conservé\u202f; importer à nouveau le même fichier ajoutera le reste.",
    imported: (imported, messages, already, failed) =>
      `${imported} ${imported < 2 ? "conversation importée" : "conversations importées"} avec ${messages} ${messages < 2 ? "message" : "messages"}, ${already} déjà ${already < 2 ? "présente" : "présentes"}, ${failed} en échec.`,
    leftOut: (count) => (count < 2 ? `${count} élément ignoré` : `${count} éléments ignorés`),
    more: (count) => (count < 2 ? `et ${count} autre` : `et ${count} autres`),
    danger: "Supprimer le compte",
    dangerHint:
      "Tout ce qui est à vous sera supprimé\u202f: conversations, messages, tâches. Cette action est irréversible.",
    confirm: "Tout supprimer",
    confirmTitle: "Supprimer votre compte\u202f?",
  },

  usage: {
    title: "Utilisation",
    caption: (days) => `Sur les ${days} derniers jours`,
    none: (days) => `Aucune question au cours des ${days} derniers jours.`,
    model: "Modèle",
    unnamed: "Sans nom",
    replies: "Réponses",
    input: "Tokens en entrée",
    output: "Tokens en sortie",
    quotas: "Quotas",
    ofQuota: (used, limit, of, per) => `${used} sur ${limit} ${inFrench(of, limit)}${account.usage.periods[per] ?? ""}`,
    ofBytes: (used, limit) => `${used} sur ${limit} de fichiers`,
    renews: (time) => `se renouvelle le ${time}`,
    usedUp: (limit, of, per) =>
      `Votre quota de ${limit} ${inFrench(of, limit)}${account.usage.periods[per] ?? ""} est épuisé.`,
    bytesUsedUp: (limit) => `Votre quota de ${limit} de fichiers est épuisé.`,
    until: (time) => `Vous pourrez continuer après le ${time}.`,
    forGood: "Demandez-en davantage à l’administrateur de ce serveur.",
    periods: { day: " par jour", month: " par mois" },
  },

  keys: {
    title: "Clés d’API",
    hint: "Une clé permet à un programme d’utiliser vos conversations et vos tâches sans se connecter. Elle ne permet pas de modifier votre compte.",
    forAccounts: "Les clés nécessitent un compte\u202f: créez-en un, vos conversations vous suivront.",
    loading: "Chargement des clés…",
    none: "Aucune clé.",
    name: "À quoi sert-elle\u202f?",
    end: "Expiration",
    inDays: (days) => (days === 365 ? "Dans un an" : `Dans ${days} ${days < 2 ? "jour" : "jours"}`),
    never: "Jamais",
    readOnly: "Lecture seule",
    make: "Créer une clé",
    new: "La nouvelle clé",
    once: "Copiez-la maintenant\u202f: elle ne sera plus affichée.",
    hide: "Je l’ai copiée",
    reads: "lecture seule",
    writes: "lecture et écriture",
    made: (day) => `créée le ${day}`,
    ends: (day) => `expire le ${day}`,
    ended: (day) => `a expiré le ${day}`,
    noEnd: "n’expire jamais",
    used: (day) => `utilisée la dernière fois le ${day}`,
    unused: "jamais utilisée",
    revoke: "Révoquer",
    revokeOf: (name) => `Révoquer ${name}`,
    revokeTitle: (name) => `Révoquer «\u202f${name}\u202f»\u202f?`,
    revokeText: "Les programmes qui utilisent cette clé seront refusés dès maintenant. Cette action est irréversible.",
    revoked: (name) => `La clé «\u202f${name}\u202f» est révoquée.`,
  },

  sharing: {
    share: "Partager cette conversation",
    hint: "Toute personne disposant du lien peut lire, sans se connecter, ce qui se trouve ici à ce jour\u202f: questions, réponses, noms des fichiers et sources. Ce que vous écrirez ensuite n’y figurera pas. Ce que vous supprimez en disparaît.",
    forAccounts: "Le partage nécessite un compte\u202f: créez-en un, vos conversations vous suivront.",
    make: "Créer un lien",
    madeNow: "Le lien est créé. Il figure en tête de liste.",
    links: "Liens partagés",
    allHint:
      "Toute personne disposant d’un de ces liens peut lire la conversation, tant que vous ne le désactivez pas.",
    loading: "Chargement des liens…",
    none: "Aucun lien.",
    made: (day) => `partagé le ${day}`,
    end: "Désactiver",
    ended: "Le lien est désactivé.",
  },
};

/** Les nombres arrivent mis en forme : seuls 0 et 1 s’écrivent ainsi. */
function inFrench(of: string, count: string): string {
  const word = { messages: "message", tokens: "token", bytes: "octet" }[of];
  if (!word) return of;
  return count === "0" || count === "1" ? word : `${word}s`;
}
