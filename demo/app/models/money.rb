# frozen_string_literal: true

module Shop
  Money = Struct.new(:cents, :currency) do
    def +(other) = Money.new(cents + other.cents, currency)
    def *(factor) = Money.new(cents * factor, currency)
    def to_s = format("%d.%02d %s", cents / 100, cents % 100, currency)
  end
end
