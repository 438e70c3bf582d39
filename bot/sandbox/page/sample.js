// A student card drawn on the spot, of a person and a university that do not exist, so that nobody needs a file.

const FIRST_NAMES = ["Robin", "Ayla", "Jonas", "Mira", "Tomas", "Ines", "Kaito", "Lena", "Noor", "Pavel"];
const LAST_NAMES = ["Exampleton", "Musterfeld", "Placeholder", "Testwell", "Sampleby", "Demirov"];
const WIDTH = 1600; // pixels; with a margin of table around the card, as in a photo
const HEIGHT = 1100;
const CARD = { x: 150, y: 130, width: 1300, height: 820, radius: 48 };

const pick = (items) => items[Math.floor(Math.random() * items.length)];

/** One invented holder; both sides of the card are drawn for the same one. */
export function inventHolder() {
  return {
    name: `${pick(FIRST_NAMES)} ${pick(LAST_NAMES)}`,
    number: `SMP-${Math.floor(100_000 + Math.random() * 900_000)}`,
    hue: Math.floor(Math.random() * 360),
  };
}

/** That holder's card as a JPEG File; `side` is "front" or "back". */
export async function sampleCard(holder, side) {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const pen = canvas.getContext("2d");
  drawTable(pen);
  drawPlate(pen, holder);
  if (side === "front") drawFront(pen, holder);
  else drawBack(pen, holder);
  drawMark(pen);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  return new File([blob], `sample-card-${side}.jpg`, { type: "image/jpeg" });
}

function drawTable(pen) {
  const wood = pen.createLinearGradient(0, 0, WIDTH, HEIGHT);
  wood.addColorStop(0, "#c9b79c");
  wood.addColorStop(1, "#a98f6d");
  pen.fillStyle = wood;
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  pen.strokeStyle = "rgba(90, 66, 38, 0.18)";
  pen.lineWidth = 3;
  for (let y = 30; y < HEIGHT; y += 46) {
    pen.beginPath();
    pen.moveTo(0, y);
    pen.bezierCurveTo(WIDTH / 3, y + 22, (WIDTH * 2) / 3, y - 26, WIDTH, y + 8);
    pen.stroke();
  }
}

function drawPlate(pen, { hue }) {
  pen.save();
  pen.shadowColor = "rgba(30, 20, 8, 0.45)";
  pen.shadowBlur = 40;
  pen.shadowOffsetY = 18;
  pen.fillStyle = "#fbfaf6";
  pen.beginPath();
  pen.roundRect(CARD.x, CARD.y, CARD.width, CARD.height, CARD.radius);
  pen.fill();
  pen.restore();
  pen.save();
  pen.beginPath();
  pen.roundRect(CARD.x, CARD.y, CARD.width, CARD.height, CARD.radius);
  pen.clip();
  pen.fillStyle = `hsl(${hue} 48% 32%)`;
  pen.fillRect(CARD.x, CARD.y, CARD.width, 170);
  pen.fillStyle = `hsl(${hue} 60% 72%)`;
  pen.fillRect(CARD.x, CARD.y + 170, CARD.width, 12);
  pen.restore();
}

function drawFront(pen, { name, number, hue }) {
  write(pen, "UNIVERSITY OF EXAMPLE", CARD.x + 70, CARD.y + 105, "700 66px", "#ffffff");
  drawPortrait(pen, CARD.x + 80, CARD.y + 250, hue);
  const left = CARD.x + 500;
  const lines = [
    ["NAME", name],
    ["STATUS", "Student"],
    ["CARD NUMBER", number],
    ["VALID UNTIL", `09 / ${new Date().getFullYear() + 2}`],
  ];
  lines.forEach(([label, value], index) => {
    write(pen, label, left, CARD.y + 275 + index * 130, "600 30px", "#6b7280");
    write(pen, value, left, CARD.y + 335 + index * 130, "600 56px", "#16202b");
  });
}

function drawPortrait(pen, x, y, hue) {
  pen.save();
  pen.beginPath();
  pen.roundRect(x, y, 340, 440, 18);
  pen.clip();
  pen.fillStyle = `hsl(${hue} 30% 86%)`;
  pen.fillRect(x, y, 340, 440);
  pen.fillStyle = `hsl(${hue} 28% 46%)`;
  pen.beginPath();
  pen.arc(x + 170, y + 175, 88, 0, Math.PI * 2);
  pen.ellipse(x + 170, y + 460, 165, 170, 0, 0, Math.PI * 2);
  pen.fill();
  pen.restore();
}

function drawBack(pen, { number }) {
  pen.fillStyle = "#26221d";
  pen.fillRect(CARD.x, CARD.y + 60, CARD.width, 150);
  write(pen, "If found, return to the University of Example.", CARD.x + 80, CARD.y + 330, "500 46px", "#16202b");
  write(pen, "This card does not belong to any real person.", CARD.x + 80, CARD.y + 405, "500 46px", "#16202b");
  pen.fillStyle = "#16202b";
  let x = CARD.x + 80;
  for (const digit of number.repeat(4)) {
    const width = 4 + (digit.charCodeAt(0) % 5) * 3;
    pen.fillRect(x, CARD.y + 500, width, 170);
    x += width + 9;
  }
  write(pen, number, CARD.x + 80, CARD.y + 735, "600 44px", "#16202b");
}

function drawMark(pen) {
  pen.save();
  pen.translate(WIDTH / 2, HEIGHT / 2 + 60);
  pen.rotate(-0.32);
  pen.textAlign = "center";
  write(pen, "SAMPLE", 0, 90, "800 290px", "rgba(190, 30, 45, 0.20)");
  pen.restore();
  pen.textAlign = "left";
  write(pen, "SAMPLE · not a real document", CARD.x + 10, HEIGHT - 55, "700 46px", "#3b2a14");
}

function write(pen, words, x, y, font, colour) {
  pen.font = `${font} "Segoe UI", "Noto Sans", "Helvetica Neue", Arial, sans-serif`;
  pen.fillStyle = colour;
  pen.fillText(words, x, y);
}
