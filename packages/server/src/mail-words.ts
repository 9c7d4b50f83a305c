/** What mails say, in the languages of the web app. */

interface Words {
  reset: { subject: string; text: (link: string) => string };
  confirm: { subject: string; text: (link: string) => string };
  changing: { subject: string; text: (address: string) => string };
  invitation: { subject: string; text: (link: string, days: number) => string };
}

const words = {
  en: {
    reset: {
      subject: "A new password for chatkeep",
      text: (link) =>
        `Choose a new password here, within an hour:\n\n${link}\n\nIf you did not ask for this, leave it: nothing has changed.`,
    },
    confirm: {
      subject: "Is this your address?",
      text: (link) =>
        `Confirm that this address is yours, for your account of chatkeep, within an hour:\n\n${link}\n\nIf you know nothing of it, leave it.`,
    },
    changing: {
      subject: "Your account is to get another address",
      text: (address) =>
        `Somebody who is signed in to your account of chatkeep has asked that its address be ${address} from now on. If that was not you, sign in, change your password, and end all other sessions.`,
    },
    invitation: {
      subject: "You are invited to chatkeep",
      text: (link, days) => `Make your account here, within ${days} days:\n\n${link}`,
    },
  },
  de: {
    reset: {
      subject: "Ein neues Passwort für chatkeep",
      text: (link) =>
        `Wähle hier innerhalb einer Stunde ein neues Passwort:\n\n${link}\n\nWenn du nicht darum gebeten hast, lass es: Nichts hat sich geändert.`,
    },
    confirm: {
      subject: "Ist das deine Adresse?",
      text: (link) =>
        `Bestätige innerhalb einer Stunde, dass diese Adresse für dein Konto bei chatkeep deine ist:\n\n${link}\n\nWenn du nichts davon weißt, lass es.`,
    },
    changing: {
      subject: "Dein Konto soll eine andere Adresse bekommen",
      text: (address) =>
        `Jemand, der bei deinem Konto von chatkeep angemeldet ist, möchte, dass dessen Adresse von nun an ${address} ist. Wenn du das nicht warst, melde dich an, ändere dein Passwort und beende alle anderen Sitzungen.`,
    },
    invitation: {
      subject: "Du bist zu chatkeep eingeladen",
      text: (link, days) => `Lege hier innerhalb von ${days} Tagen dein Konto an:\n\n${link}`,
    },
  },
  es: {
    reset: {
      subject: "Una nueva contraseña para chatkeep",
      text: (link) =>
        `Elige aquí una nueva contraseña en el plazo de una hora:\n\n${link}\n\nSi no la has pedido, no hagas nada: nada ha cambiado.`,
    },
    confirm: {
      subject: "¿Es esta tu dirección?",
      text: (link) =>
        `Confirma en el plazo de una hora que esta dirección es tuya, para tu cuenta de chatkeep:\n\n${link}\n\nSi no sabes de qué se trata, no hagas nada.`,
    },
    changing: {
      subject: "Tu cuenta va a tener otra dirección",
      text: (address) =>
        `Alguien que ha iniciado sesión en tu cuenta de chatkeep ha pedido que su dirección sea ${address}. Si no has sido tú, inicia sesión, cambia la contraseña y cierra las demás sesiones.`,
    },
    invitation: {
      subject: "Tienes una invitación a chatkeep",
      text: (link, days) => `Crea aquí tu cuenta en el plazo de ${days} días:\n\n${link}`,
    },
  },
  fr: {
    reset: {
      subject: "Un nouveau mot de passe pour chatkeep",
      text: (link) =>
        `Choisissez ici un nouveau mot de passe, dans l’heure :\n\n${link}\n\nSi vous n’avez rien demandé, ne faites rien : rien n’a changé.`,
    },
    confirm: {
      subject: "Est-ce votre adresse ?",
      text: (link) =>
        `Confirmez dans l’heure que cette adresse est la vôtre, pour votre compte chatkeep :\n\n${link}\n\nSi cela ne vous dit rien, ne faites rien.`,
    },
    changing: {
      subject: "Votre compte va changer d’adresse",
      text: (address) =>
        `Une personne connectée à votre compte chatkeep a demandé que son adresse soit désormais ${address}. Si ce n’est pas vous, connectez-vous, changez votre mot de passe et fermez les autres sessions.`,
    },
    invitation: {
      subject: "Vous êtes invité à chatkeep",
      text: (link, days) => `Créez ici votre compte, dans les ${days} jours :\n\n${link}`,
    },
  },
  ja: {
    reset: {
      subject: "chatkeep の新しいパスワード",
      text: (link) =>
        `1時間以内に、こちらで新しいパスワードを設定してください。\n\n${link}\n\n心当たりがない場合は、そのままにしてください。何も変更されていません。`,
    },
    confirm: {
      subject: "メールアドレスの確認",
      text: (link) =>
        `chatkeep のアカウントについて、このアドレスがご自身のものであることを1時間以内に確認してください。\n\n${link}\n\n心当たりがない場合は、そのままにしてください。`,
    },
    changing: {
      subject: "アカウントのメールアドレス変更",
      text: (address) =>
        `chatkeep のアカウントにログインしている方が、メールアドレスを ${address} に変更するよう求めています。心当たりがない場合は、ログインしてパスワードを変更し、ほかのセッションをすべて終了してください。`,
    },
    invitation: {
      subject: "chatkeep への招待",
      text: (link, days) => `${days}日以内に、こちらでアカウントを作成してください。\n\n${link}`,
    },
  },
} satisfies Record<string, Words>;

/** Those of the first language of ours that a browser names; English when it names none. */
export function mailWords(accepted: string | null | undefined): Words {
  const named = (accepted ?? "").split(",").map((each) => each.trim().slice(0, 2).toLowerCase());
  return words[named.find((tag): tag is keyof typeof words => Object.hasOwn(words, tag)) ?? "en"];
}
