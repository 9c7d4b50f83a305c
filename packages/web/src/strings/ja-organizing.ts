/** プロジェクト、タグ、複数のチャットについての日本語の文言。 */
import type { Strings } from "./en.ts";

export const organizing: Pick<Strings, "projects" | "select" | "tags"> = {
  projects: {
    title: "プロジェクト",
    create: "新しいプロジェクト",
    edit: "プロジェクトを編集",
    name: "名前",
    instructionsHint: "このプロジェクトのチャットで、すべてのモデルに伝える内容です。",
    model: "新しいチャットのモデル",
    all: (count) => `すべてのプロジェクト（${count}件）`,
    fewer: "一部だけ表示",
    chats: "このプロジェクトのチャット",
    empty: "このプロジェクトにはまだチャットがありません。上で質問すると始まります。",
    gone: "このプロジェクトは存在しないか、削除されました。",
    move: "プロジェクトに移動",
    moveTitle: (count) => (count === 1 ? "このチャットを移動" : `${count}件のチャットを移動`),
    moved: (count) => `${count}件のチャットを移動しました`,
    none: "プロジェクトなし",
    newName: "新しいプロジェクトの名前",
    createAndMove: "作成して移動",
    delete: "プロジェクトを削除",
    deleteTitle: (name) => `プロジェクト「${name}」を削除しますか？`,
    deleteText: "チャットは残り、どのプロジェクトにも入りません。",
  },

  select: {
    begin: "複数を選択",
    label: "選択したチャットの操作",
    chosen: (count) => `${count}件を選択中`,
    archived: (count) => `${count}件のチャットをアーカイブしました`,
    deleted: (count) => `${count}件のチャットを削除しました`,
    end: "選択を終了",
  },

  tags: {
    title: "タグ",
    ofChat: "このチャットのタグ",
    edit: "タグ",
    none: "このチャットにはタグがありません。",
    new: "タグ",
    add: "追加",
    remove: (tag) => `${tag} を外す`,
    all: (count) => `すべてのタグ（${count}件）`,
    nothing: "このタグのチャットはありません。",
  },
};
