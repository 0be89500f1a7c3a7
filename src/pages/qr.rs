//! QR codes of links, as SVG for print and as PNG for everything else.

use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules around the code, which readers need to find it. The standard requires four.
const QUIET: i32 = 4;
/// Pixels per module in the PNG. An ordinary link is about 500 pixels wide.
const PIXELS: u32 = 12;

/// A code, or `None` if the text is too long for a QR code.
pub struct Qr(QrCode);

impl Qr {
    /// Medium error correction: a small or slightly dirty print can still be read.
    pub fn of(text: &str) -> Option<Qr> {
        QrCode::encode_text(text, QrCodeEcc::Medium).ok().map(Qr)
    }

    /// Modules per side, including the quiet zone.
    fn side(&self) -> i32 {
        self.0.size() + 2 * QUIET
    }

    /// Whether the module is dark; the quiet zone is light.
    fn is_dark(&self, x: i32, y: i32) -> bool {
        self.0.get_module(x - QUIET, y - QUIET)
    }

    /// Always black on white, regardless of the page's colors, because readers need the contrast.
    pub fn svg(&self) -> String {
        let side = self.side();
        let mut path = String::new();
        for y in 0..side {
            let mut x = 0;
            while x < side {
                let run = (x..side).take_while(|at| self.is_dark(*at, y)).count();
                let width = i32::try_from(run).unwrap_or(0);
                if width > 0 {
                    path.push_str(&format!("M{x} {y}h{width}v1h-{width}z"));
                }
                x += width.max(1);
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"512\" height=\"512\" shape-rendering=\"crispEdges\">\
             <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
        )
    }

    /// One bit per pixel.
    pub fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let side = u32::try_from(self.side()).unwrap_or(0) * PIXELS;
        let row_bytes = usize::try_from(side.div_ceil(8)).unwrap_or(0);
        let mut pixels = Vec::new();
        for y in 0..side {
            let mut row = vec![0xff_u8; row_bytes];
            for x in 0..side {
                let module = |at: u32| i32::try_from(at / PIXELS).unwrap_or(0);
                if let (true, Some(byte)) =
                    (self.is_dark(module(x), module(y)), row.get_mut(usize::try_from(x / 8).unwrap_or(0)))
                {
                    *byte &= !(0x80 >> (x % 8));
                }
            }
            pixels.extend(row);
        }
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        encoder.write_header()?.write_image_data(&pixels)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path of the dark modules in the SVG.
    fn modules(svg: &str) -> std::collections::BTreeSet<(i32, i32)> {
        let path = svg.split(" d=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let mut dark = std::collections::BTreeSet::new();
        for step in path.split('M').skip(1) {
            let (at, width) = step.split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let (x, y): (i32, i32) = (x.parse().unwrap(), y.parse().unwrap());
            let width: i32 = width.split('v').next().unwrap().parse().unwrap();
            dark.extend((x..x + width).map(|x| (x, y)));
        }
        dark
    }

    #[test]
    fn both_pictures_are_the_code_with_room_around_it() {
        let text = "https://ref.example/r/PARTNER_0A1B2C3D";
        let (qr, code) = (Qr::of(text).unwrap(), QrCode::encode_text(text, QrCodeEcc::Medium).unwrap());
        let drawn = modules(&qr.svg());
        let reader = png::Decoder::new(std::io::Cursor::new(qr.png().unwrap()));
        let mut reader = reader.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (qr.side() as u32 * PIXELS, qr.side() as u32 * PIXELS));
        for y in 0..qr.side() {
            for x in 0..qr.side() {
                let inside = (QUIET..qr.side() - QUIET).contains(&x) && (QUIET..qr.side() - QUIET).contains(&y);
                let dark = inside && code.get_module(x - QUIET, y - QUIET);
                let (px, py) = (x as usize * PIXELS as usize + 5, y as usize * PIXELS as usize + 5);
                let bit = pixels[py * info.line_size + px / 8] >> (7 - px % 8) & 1;
                assert_eq!((drawn.contains(&(x, y)), bit == 0), (dark, dark), "{x} {y}");
            }
        }
    }

    #[test]
    fn what_no_code_holds_is_none() {
        assert!(Qr::of(&"x".repeat(4_000)).is_none());
    }
}
