# frozen_string_literal: true

module Shop
  # The templates in app/views, each compiled once into a method of this module.
  module View
    Dir[File.join(ROOT, "app/views/*.erb")].sort.each do |file|
      template = ERB.new(File.read(file), trim_mode: "-")
      template.def_method(self, "render_#{File.basename(file, ".erb")}", file)
    end

    def h(text) = CGI.escapeHTML(text.to_s)
    def stars(rating) = "★" * rating.round + "☆" * (5 - rating.round)
  end
end
