"""What a person finds in pictures, as instances: measurement reports, key images, presentation states."""
