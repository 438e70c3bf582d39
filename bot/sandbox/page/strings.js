// Every string of the page's own chrome, in one table. What the bot says is never touched.

const TABLE = {
  actingAs: ["Acting as {name}", "当前扮演：{name}"],
  actionFailed: ["That did not work", "操作失败"],
  addApplicant: ["Add an applicant", "添加申请人"],
  addReviewer: ["Add a reviewer", "添加审核人"],
  add: ["Add", "添加"],
  administrator: ["administrator", "管理员"],
  anonymousOff: ["Write under one's own name", "以本人身份发言"],
  anonymousOn: ["Write anonymously, as the group", "以群组身份匿名发言"],
  applicants: ["Applicants", "申请人"],
  applicant: ["Applicant", "申请人"],
  attach: ["Attach photos or files", "添加照片或文件"],
  blockBot: ["Block the bot", "屏蔽机器人"],
  blocked: ["You have blocked this bot", "你已屏蔽此机器人"],
  blockedShort: ["blocked the bot", "已屏蔽"],
  bot: ["bot", "机器人"],
  makeBotAdmin: ["Make the bot an administrator", "设机器人为管理员"],
  makeBotMember: ["Make the bot an ordinary member", "设机器人为普通成员"],
  removeBot: ["Remove the bot from the group", "将机器人移出群组"],
  caption: ["Caption", "说明"],
  captionHint: ["Add a caption…", "添加说明…"],
  cancel: ["Cancel", "取消"],
  close: ["Close", "关闭"],
  chatMenu: ["Chat settings", "聊天设置"],
  calls: ["What the bot calls", "机器人的调用"],
  callsNone: ["No call yet. Everything the bot asks of Telegram appears here.", "尚无调用。机器人向 Telegram 发出的请求会显示在这里。"],
  callsShort: ["Calls", "调用"],
  clearFaults: ["Back to normal", "恢复正常"],
  commands: ["Commands", "命令"],
  compose: ["Message", "消息"],
  composeHint: ["Write a message…", "输入消息…"],
  confirmDeactivate: ["Delete this person's account? The bot can no longer reach it.", "删除此人的账号？机器人将无法再联系到此人。"],
  connecting: ["Connecting…", "正在连接…"],
  connectionLost: ["Connection lost. Trying again…", "连接已断开，正在重试…"],
  contact: ["Contact", "联系人"],
  copied: ["Copied", "已复制"],
  copyText: ["Copy text", "复制文字"],
  creator: ["owner", "群主"],
  deactivate: ["Delete the account", "删除账号"],
  deactivated: ["This account is deleted", "此账号已删除"],
  deactivatedShort: ["deleted", "已删除"],
  delete: ["Delete", "删除"],
  download: ["Download {name}", "下载 {name}"],
  dropHere: ["Drop photos or files here", "将照片或文件拖放到此处"],
  edit: ["Edit", "编辑"],
  edited: ["edited", "已编辑"],
  editing: ["Edit message", "编辑消息"],
  faultAdd: ["Add this fault", "添加故障"],
  faultKind: ["What goes wrong", "故障类型"],
  faultMethod: ["Method (* is all)", "方法（* 为全部）"],
  faultShare: ["Share of calls, %", "调用占比（%）"],
  fault502: ["502 Bad Gateway", "502 网关错误"],
  fault429: ["429 Too Many Requests", "429 请求过多"],
  faultCut: ["Answer cut short", "应答不完整"],
  faultRefuse: ["Connection dropped", "连接中断"],
  faultLost: ["Done, but the answer is lost", "已执行但应答丢失"],
  faultLatency: ["Slow by 2 seconds", "延迟 2 秒"],
  faults: ["Faults on demand", "模拟故障"],
  faultsActive: ["Faults are on", "故障模拟已开启"],
  faultsHint: ["Let Telegram misbehave and watch the bot cope.", "让 Telegram 出故障，观察机器人如何应对。"],
  file: ["File", "文件"],
  firstName: ["First name", "名"],
  forward: ["Forward", "转发"],
  forwardTo: ["Forward to", "转发到"],
  forwardedFrom: ["Forwarded from {name}", "转发自 {name}"],
  group: ["Group", "群组"],
  groupEmpty: ["Nothing posted yet. A finished application will appear here.", "暂无消息。提交的申请会显示在这里。"],
  groupMissing: ["There is no reviewers' group yet.", "还没有审核群组。"],
  groupMake: ["Make the reviewers' group", "创建审核群组"],
  groupName: ["Reviewers", "审核组"],
  join: ["Join the group", "加入群组"],
  joined: ["{name} joined the group", "{name} 加入了群组"],
  jump: ["Jump to the latest message", "跳到最新消息"],
  language: ["Language of the app", "应用语言"],
  lastName: ["Last name", "姓"],
  leave: ["Leave the group", "退出群组"],
  left: ["{name} left the group", "{name} 退出了群组"],
  location: ["Location", "位置"],
  member: ["member", "成员"],
  members: ["{count} members", "{count} 位成员"],
  menuOf: ["Message menu", "消息菜单"],
  messages: ["Messages", "消息"],
  migrate: ["Upgrade to a supergroup", "升级为超级群组"],
  migrated: ["The group was upgraded to a supergroup", "群组已升级为超级群组"],
  more: ["More to send", "更多"],
  newApplicantHint: ["Add an applicant to begin. You play every part: here the applicants, there the reviewers.", "先添加一位申请人。你将扮演所有角色：这边是申请人，那边是审核人。"],
  newReviewerHint: ["Add a reviewer to see the group through their eyes.", "添加一位审核人，以其视角查看群组。"],
  notMember: ["{name} is not in this group", "{name} 不在此群组中"],
  ok: ["OK", "好"],
  pageLanguage: ["中文", "English"],
  pageLanguageLabel: ["Show this page in Chinese", "以英文显示本页"],
  people: ["People", "人物"],
  photo: ["Photo", "照片"],
  makeForum: ["Turn topics on", "开启话题"],
  unmakeForum: ["Turn topics off", "关闭话题"],
  topicMade: ["The topic {name} was made", "已创建话题“{name}”"],
  topicClosed: ["The topic was closed", "话题已关闭"],
  topicOpened: ["The topic was opened again", "话题已重新开启"],
  pinned: ["A message was pinned", "置顶了一条消息"],
  press: ["Button", "按钮"],
  privateChat: ["Private chat", "私聊"],
  protected: ["Protected: cannot be forwarded or saved", "受保护：无法转发或保存"],
  quoteFold: ["Show less", "收起"],
  quoteUnfold: ["Show more", "展开"],
  refused: ["refused", "被拒绝"],
  reply: ["Reply", "回复"],
  replyTo: ["Reply to {name}", "回复 {name}"],
  reveal: ["Tap to reveal", "点击显示"],
  reviewerEmpty: ["Here the bot writes to {name} alone. An ID photo to look at, for example, comes here.", "机器人在这里单独给 {name} 发消息，例如供查看的证件照片。"],
  reviewers: ["Reviewers", "审核人"],
  sample: ["Send a sample student card", "发送学生证样图"],
  sampleBack: ["Back side", "背面"],
  sampleFront: ["Front side", "正面"],
  sampleSide: ["Side of the card", "证件的哪一面"],
  save: ["Save", "保存"],
  send: ["Send", "发送"],
  sendAsFile: ["Send as file", "以文件发送"],
  sendAsPhoto: ["Send as photo", "以照片发送"],
  sendCount: ["Send {count} items", "发送 {count} 项"],
  sendOne: ["Send this", "发送"],
  setLanguage: ["App language: {name}", "应用语言：{name}"],
  skipToChat: ["Skip to the chat", "跳到聊天"],
  start: ["START", "开始"],
  stepApply: ["Press START and apply, as {name} would.", "点击“开始”，以 {name} 的身份提交申请。"],
  stepDecide: ["The finished application appears in the reviewers' group. Decide there.", "提交的申请会出现在审核群组中，请在那里作出决定。"],
  stepSample: ["Asked for an ID? This button below sends a sample card:", "需要证件照片？下方此按钮可发送样图："],
  sticker: ["Sticker", "贴纸"],
  subtitle: ["One person plays every part. Nothing leaves this computer.", "一人扮演所有角色，数据不离开本机。"],
  theme: ["Light or dark", "浅色或深色"],
  title: ["Local Telegram", "本地 Telegram"],
  today: ["Today", "今天"],
  tooMany: ["An album holds at most ten; the first ten were taken.", "相册最多十项，已取前十项。"],
  typing: ["typing…", "正在输入…"],
  unblockBot: ["Unblock the bot", "取消屏蔽"],
  unread: ["unread", "未读"],
  unsupported: ["A message this page cannot show", "本页无法显示的消息"],
  username: ["Username", "用户名"],
  view: ["Which chat", "聊天切换"],
  voice: ["Voice message", "语音消息"],
  yesterday: ["Yesterday", "昨天"],
};

const LANGUAGES = ["en", "zh"];
let current = 0;

/** The string of that key in the page's language, its {names} filled in. */
export function t(key, values = {}) {
  const entry = TABLE[key];
  if (!entry) throw new Error(`no string named ${key}`);
  return entry[current].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export function pageLanguage() {
  return LANGUAGES[current];
}

export function setPageLanguage(code) {
  current = Math.max(0, LANGUAGES.indexOf(code));
  document.documentElement.lang = current === 1 ? "zh-Hans" : "en";
  document.title = t("title");
}

/** The languages a person's Telegram app can be set to, by their own names. */
export const APP_LANGUAGES = [
  ["en", "English"],
  ["zh-hans", "中文"],
];

export function languageName(code) {
  const known = APP_LANGUAGES.find(([each]) => each.split("-")[0] === (code ?? "").split("-")[0]);
  return known ? known[1] : code || "?";
}

/** Unix seconds as a clock time of the page's language. */
export function clock(seconds) {
  return new Intl.DateTimeFormat(pageLanguage(), { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(seconds * 1000);
}

/** Unix seconds as the day a date line names. */
export function day(seconds) {
  const date = new Date(seconds * 1000);
  const daysAgo = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  if (daysAgo === 0) return t("today");
  if (daysAgo === 1) return t("yesterday");
  return new Intl.DateTimeFormat(pageLanguage(), { day: "numeric", month: "long", year: "numeric" }).format(date);
}

export function fileSize(bytes = 0) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
